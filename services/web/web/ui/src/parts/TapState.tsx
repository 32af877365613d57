/** How watching goes: on, lost since when, refused and why, and what was lost meanwhile. */

import type { JSX } from "preact";
import { clock, span } from "../format";
import type { Skipped } from "../tap/event";
import type { Watch } from "../tap/watch";
import { Commands } from "./Command";
import { Notice, useNow } from "./Notices";

/** Beside a title, or above a table. */
export function TapState({ watch }: { watch: Watch }): JSX.Element {
  const { state, pods, dropped } = watch;
  const words = {
    off: "not watching",
    asking: "asking tap",
    on: `watching ${pods.length} ${pods.length === 1 ? "pod" : "pods"}`,
    lost: "tap does not answer",
    refused: "not shown",
  }[state];
  return (
    <p class={`freshness is-${state}`} role="status">
      <span class="pulse" aria-hidden="true" />
      {words}
      {dropped > 0 && <strong class="lost-events">{dropped} events were lost: this end does not keep up</strong>}
    </p>
  );
}

/** What keeps requests from being shown, or some of them. */
export function TapNotices({ watch }: { watch: Watch }): JSX.Element {
  return (
    <div class="notices" aria-live="polite">
      {(watch.state === "lost" || watch.state === "refused") && <Loss watch={watch} />}
      {watch.absent && <Notice grade="warn">{watch.absent}</Notice>}
      <Missing title="Not watched" pods={watch.skipped} />
      <Missing title="Not watched any more" pods={watch.troubles} />
    </div>
  );
}

function Loss({ watch }: { watch: Watch }): JSX.Element {
  const now = useNow();
  const since = watch.lostSince ?? now;
  const { problem } = watch;
  return (
    <Notice grade="bad">
      <strong>{problem ? problem.error : "Live requests do not come any more"}</strong>
      {watch.state === "lost" && ` since ${clock(since)} (${span(now - since)}); trying again.`} {problem?.hint && <Commands text={problem.hint} />}
    </Notice>
  );
}

const SHOWN = 5;

function Missing({ title, pods }: { title: string; pods: readonly Skipped[] }): JSX.Element | null {
  if (!pods.length) return null;
  return (
    <Notice grade="warn">
      <strong>{title}:</strong> {pods.slice(0, SHOWN).map(({ pod, reason }) => `${pod} (${reason})`).join("; ")}
      {pods.length > SHOWN && ` and ${pods.length - SHOWN} more`}
    </Notice>
  );
}
