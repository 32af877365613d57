/** What a reader must know before believing the numbers: what is stale or down, and since when. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { clock, span } from "../format";
import type { Live } from "../live";
import { Warning } from "./Icons";

const LATE = 20;

export function Notices({ live }: { live: Live<unknown> }): JSX.Element {
  const now = useNow();
  const { snapshot, lostSince, problem } = live;
  const notices: JSX.Element[] = [];
  if (snapshot && lostSince !== null) {
    notices.push(
      <Notice key="lost" grade="bad">
        <strong>{problem ? `The web service says: ${problem.error}` : "The web service does not answer"}</strong> since {clock(lostSince)} (
        {span(now - lostSince)}). The numbers below are of {clock(snapshot.measuredAt ?? snapshot.at)}; trying again.
      </Notice>,
    );
  } else if (snapshot && snapshot.measuredAt !== null && snapshot.at - snapshot.measuredAt > LATE) {
    notices.push(
      <Notice key="late" grade="warn">
        <strong>Proxies have not been read</strong> since {clock(snapshot.measuredAt)}: the numbers below are of then.
      </Notice>,
    );
  }
  if (snapshot?.source.fallbackReason) {
    const { since, fallbackReason } = snapshot.source;
    notices.push(
      <Notice key="source" grade="warn">
        <strong>The figures come from the embedded collector</strong>{since !== null && ` since ${clock(since)}`}: {fallbackReason}
      </Notice>,
    );
  }
  for (const part of snapshot?.down ?? []) {
    notices.push(
      <Notice key={part.name} grade="bad">
        <strong>{part.name} is down</strong> since {clock(part.since)} ({span(now - part.since)}). {part.consequence}
      </Notice>,
    );
  }
  return <div class="notices" aria-live="polite">{notices}</div>;
}

export function Notice({ grade, children }: { grade: "warn" | "bad"; children: preact.ComponentChildren }): JSX.Element {
  return (
    <div class={`notice is-${grade}`}>
      <Warning />
      <p>{children}</p>
    </div>
  );
}

/** Epoch seconds, moving every second. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
