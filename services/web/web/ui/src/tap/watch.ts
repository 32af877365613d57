/** One tap, as a page holds it: running or not, whom it reaches, what went wrong since when, what was lost. */

import { useEffect, useState } from "preact/hooks";
import { keepOpen, readText, type Problem } from "../connection";
import { href } from "../router";
import { Lines, parse, type Skipped, type TapEvent, type TapMessage } from "./event";
import type { Asked } from "./question";

export interface Watch {
  state: "off" | "asking" | "on" | "lost" | "refused";
  /** Pods that are watched. */
  pods: readonly string[];
  skipped: readonly Skipped[];
  /** Why nothing can go to the other end asked for; empty when something can. */
  absent: string;
  /** Pods that cannot be watched any more, and why. */
  troubles: readonly Skipped[];
  /** Events that are missing. */
  dropped: number;
  /** Epoch seconds since when nothing comes; null while it does. */
  lostSince: number | null;
  problem: Problem | null;
}

export const OFF: Watch = { state: "off", pods: [], skipped: [], absent: "", troubles: [], dropped: 0, lostSince: null, problem: null };

/** What takes the events. */
export interface Sink {
  add: (event: TapEvent, now: number) => void;
  started?: (pods: readonly string[]) => void;
}

/** Asking again would bring the same answer. */
const FINAL = new Set([400, 401, 403, 405, 501]);
const MOST_TROUBLES = 20;

/** What a message other than an event makes of what was known. */
export function take(before: Watch, message: TapMessage): Watch {
  if (message.started) {
    const { pods = [], skipped = [], absent = "" } = message.started;
    return { ...before, state: "on", pods, skipped, absent, troubles: [], lostSince: null, problem: null };
  }
  if (message.trouble) return { ...before, troubles: [...before.troubles, message.trouble].slice(-MOST_TROUBLES) };
  if (message.dropped) return { ...before, dropped: before.dropped + Number(message.dropped) };
  return before;
}

export function lose(before: Watch, problem: Problem | null, now: number): Watch {
  const state = problem && FINAL.has(problem.status) ? "refused" : "lost";
  return { ...before, state, problem, lostSince: before.lostSince ?? now };
}

/** A tab that nobody looks at for so long watches no more, until somebody does. */
const PATIENCE = 60_000;
/** Between two pictures: a busy target would draw nothing else. */
const REFRESH = 250;

/** Watches while `asked` is something, and draws the caller anew as `sink` fills. */
export function useWatch(asked: Asked | null, sink: Sink): Watch {
  const [shown, setShown] = useState<{ sink: Sink; watch: Watch }>({ sink, watch: OFF });
  const key = asked && JSON.stringify(asked);
  useEffect(() => {
    if (!asked) {
      setShown((before) => ({ ...before, watch: { ...before.watch, state: "off", lostSince: null, problem: null } }));
      return undefined;
    }
    let now: Watch = { ...OFF, state: "asking" };
    let drawn: ReturnType<typeof setTimeout> | undefined;
    const draw = (): void => {
      drawn = undefined;
      setShown({ sink, watch: { ...now } });
    };
    const later = (): void => {
      drawn ??= setTimeout(draw, REFRESH);
    };
    draw();
    const stop = keepOpen(
      (abort, alive) =>
        readMessages(asked, abort, (message) => {
          alive();
          if (message.event) sink.add(message.event, Date.now() / 1000);
          if (message.started) sink.started?.(message.started.pods ?? []);
          now = take(now, message);
          later();
        }),
      (problem) => {
        now = lose(now, problem, Date.now() / 1000);
        later();
      },
      { patience: PATIENCE, isFinal: (problem) => FINAL.has(problem.status) },
    );
    return () => {
      stop();
      clearTimeout(drawn);
    };
  }, [key, sink]);
  return shown.sink === sink ? shown.watch : OFF;
}

async function readMessages(asked: Asked, abort: AbortController, onMessage: (message: TapMessage) => void): Promise<void> {
  const lines = new Lines();
  const request = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked.body) };
  await readText(href(asked.path), request, abort, (text) => {
    for (const line of lines.feed(text)) {
      const message = parse(line);
      if (message) onMessage(message);
    }
  });
}
