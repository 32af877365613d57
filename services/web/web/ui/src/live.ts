/** A page's data, live: a stream that is opened again when it breaks, and says since when it is broken. */

import { useEffect, useState } from "preact/hooks";
import { keepOpen, readText, type Problem } from "./connection";
import { History } from "./history";
import type { Row, Snapshot } from "./model";
import { href } from "./router";
import { EventParser, type ServerEvent } from "./sse";

export interface Live<Page> {
  snapshot: Snapshot<Page> | null;
  history: History;
  /** Epoch seconds since when nothing fresh comes; null while it does. */
  lostSince: number | null;
  /** What the web service says is wrong; null when it says nothing. */
  problem: Problem | null;
}

export const NOTHING_YET: Live<never> = {
  snapshot: null,
  history: new History(),
  lostSince: null,
  problem: null,
};

/** What an event makes of what was known. */
export function take<Page>(
  before: Live<Page>,
  event: ServerEvent,
  rows: (page: Page) => Row[],
  now: number,
): Live<Page> {
  if (event.name === "problem") {
    const problem = JSON.parse(event.data) as Problem;
    return { ...before, problem, lostSince: before.lostSince ?? now };
  }
  if (event.name !== "page") return before;
  const snapshot = JSON.parse(event.data) as Snapshot<Page>;
  const history = snapshot.past ? History.of(snapshot.past, now) : before.history;
  return { snapshot, history: history.with(rows(snapshot.page), now), lostSince: null, problem: null };
}

export function lose<Page>(before: Live<Page>, problem: Problem | null, now: number): Live<Page> {
  return { ...before, problem, lostSince: before.lostSince ?? now };
}

/** The page at `path` of the data API, while the tab is looked at. */
export function useLive<Page>(path: string, rows: (page: Page) => Row[]): Live<Page> {
  const [state, setState] = useState<{ path: string; live: Live<Page> }>({ path, live: NOTHING_YET });
  useEffect(() => {
    const update = (change: (before: Live<Page>) => Live<Page>) =>
      setState((before) => ({ path, live: change(before.path === path ? before.live : NOTHING_YET) }));
    const stop = follow(
      href(`/api/v1/pages${path}`),
      (event) => update((before) => take(before, event, rows, Date.now() / 1000)),
      (problem) => update((before) => lose(before, problem, Date.now() / 1000)),
    );
    return stop;
  }, [path]);
  return state.path === path ? state.live : NOTHING_YET;
}

/** Reads the stream at `url` until the returned function is called; rests while the tab is hidden. */
export function follow(url: string, onEvent: (event: ServerEvent) => void, onLoss: (problem: Problem | null) => void): () => void {
  const request = { headers: { Accept: "text/event-stream" } };
  return keepOpen((abort, alive) => {
    const parser = new EventParser();
    return readText(url, request, abort, (text) => {
      for (const event of parser.feed(text)) {
        alive();
        onEvent(event);
      }
    });
  }, onLoss);
}
