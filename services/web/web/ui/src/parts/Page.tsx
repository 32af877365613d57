/** The frame of a page: title, notices, and one of loading, refused, or shown. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { clock, span } from "../format";
import type { Live } from "../live";
import type { Snapshot } from "../model";
import { Notice, Notices } from "./Notices";

interface FrameProps {
  title: string;
  /** Drawn instead of `title`, when it is more than text. */
  heading?: ComponentChildren;
  /** Beside the title: how fresh what is shown is. */
  aside?: ComponentChildren;
  live: Live<unknown>;
  stale?: boolean;
  children: ComponentChildren;
}

interface Props<P> extends Omit<FrameProps, "children" | "aside" | "stale"> {
  live: Live<P>;
  /** Said instead of which time was measured. */
  freshness?: (snapshot: Snapshot<P>) => string;
  children: (snapshot: Snapshot<P>) => ComponentChildren;
}

let arrived = false;

/** What every page has: its title, read out on arrival, and what is down. */
export function Frame({ title, heading, aside, live, stale, children }: FrameProps): JSX.Element {
  const top = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Weft`;
    if (arrived) top.current?.focus({ preventScroll: true }); // so that screen readers say where we are
    arrived = true;
  }, [title]);
  return (
    <main id="content" class={stale ? "is-stale" : ""}>
      <header class="page-head">
        <h1 ref={top} tabIndex={-1}>{heading ?? title}</h1>
        {aside}
      </header>
      <Notices live={live} />
      {children}
    </main>
  );
}

/** A page whose data is one stream. */
export function Page<P>({ live, freshness, children, ...frame }: Props<P>): JSX.Element {
  const { snapshot } = live;
  const lost = live.lostSince !== null;
  return (
    <Frame {...frame} live={live} stale={snapshot !== null && lost} aside={snapshot && <Freshness text={freshness ? freshness(snapshot) : measured(snapshot)} lost={lost} />}>
      {snapshot ? children(snapshot) : <Waiting live={live} />}
    </Frame>
  );
}

function Waiting({ live }: { live: Live<unknown> }): JSX.Element {
  if (live.lostSince === null) {
    return (
      <div class="loading" role="status">
        <span class="unseen">Loading</span>
        <div class="bone" /><div class="bone" /><div class="bone" />
      </div>
    );
  }
  if (live.problem?.status === 404) {
    return <p class="empty">Not found: {live.problem.error}. It may have been deleted; this page looks again by itself.</p>;
  }
  return (
    <Notice grade="bad">
      <strong>{live.problem ? live.problem.error : "The web service does not answer"}</strong> since {clock(live.lostSince)}. Trying again;
      {" "}<code>mesh check</code> says what is wrong.
    </Notice>
  );
}

function Freshness({ text, lost }: { text: string; lost: boolean }): JSX.Element {
  return (
    <p class={lost ? "freshness is-lost" : "freshness"}>
      <span class="pulse" aria-hidden="true" />
      {text}
    </p>
  );
}

/** Over which time, and by whom. */
export function measured({ observed, window, source }: Snapshot<unknown>): string {
  const short = observed + 0.5 < window;
  const over = short ? `only ${span(observed)} watched so far` : `over the last ${span(window)}`;
  if (source.backend === "prometheus") return `${over}, from Prometheus`;
  const since = source.fallbackReason && source.since !== null ? `, from the embedded collector since ${clock(source.since)}` : ", read from the proxies";
  return over + since;
}

export function Section({ title, children, id }: { title: string; children: ComponentChildren; id?: string }): JSX.Element {
  return (
    <section aria-label={title} id={id}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}
