/** A page's data, live: a stream that is opened again when it breaks, and says since when it is broken. */

import { useEffect, useState } from "preact/hooks";
import { History } from "./history";
import type { Row, Snapshot } from "./model";
import { href } from "./router";
import { EventParser, type ServerEvent } from "./sse";

export interface Problem {
  error: string;
  status: number;
}

export interface Live<Page> {
  snapshot: Snapshot<Page> | null;
  history: History;
  /** Epoch seconds since when nothing fresh comes; null while it does. */
  lostSince: number | null;
  /** What the web service says is wrong; null when it says nothing. */
  problem: Problem | null;
}

/** No event for so long means that the stream is dead, whatever the connection says. */
const SILENCE = 20_000;
const RETRY = [1000, 2000, 4000, 8000];

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
export function follow(
  url: string,
  onEvent: (event: ServerEvent) => void,
  onLoss: (problem: Problem | null) => void,
): () => void {
  let open: AbortController | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;

  const connect = async (): Promise<void> => {
    clearTimeout(timer);
    open?.abort();
    const mine = new AbortController();
    open = mine;
    try {
      await read(url, mine, (event) => {
        failures = 0;
        onEvent(event);
      });
      if (open === mine) onLoss(null);
    } catch (error) {
      if (open === mine) onLoss(error instanceof Refused ? error.problem : null);
    }
    if (open !== mine) return;
    timer = setTimeout(connect, RETRY[Math.min(failures, RETRY.length - 1)]);
    failures += 1;
  };
  const rest = (): void => {
    clearTimeout(timer);
    const mine = open;
    open = null;
    mine?.abort();
  };
  const looked = (): void => (document.hidden ? rest() : void connect());

  document.addEventListener("visibilitychange", looked);
  looked();
  return () => {
    document.removeEventListener("visibilitychange", looked);
    rest();
  };
}

class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.error);
  }
}

async function read(url: string, abort: AbortController, onEvent: (event: ServerEvent) => void): Promise<void> {
  let watchdog = setTimeout(() => abort.abort(), SILENCE);
  try {
    const response = await fetch(url, { headers: { Accept: "text/event-stream" }, signal: abort.signal, cache: "no-store" });
    if (!response.ok || !response.body) throw new Refused(await problemOf(response));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new EventParser();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(watchdog);
      watchdog = setTimeout(() => abort.abort(), SILENCE);
      parser.feed(value).forEach(onEvent);
    }
  } finally {
    clearTimeout(watchdog);
  }
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    const said = (await response.json()) as { error?: string; message?: string };
    return { error: said.error ?? said.message ?? response.statusText, status: response.status };
  } catch {
    return { error: response.statusText || "no reason given", status: response.status };
  }
}
