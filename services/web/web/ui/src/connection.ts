/** A stream that is opened again when it breaks, and rests while nobody looks. */

export interface Problem {
  error: string;
  status: number;
  /** What would change it. */
  hint?: string;
}

/** No byte for so long means that the stream is dead, whatever the connection says. */
const SILENCE = 20_000;
const RETRY = [1000, 2000, 4000, 8000];

/** An answer that is an error. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.error);
  }
}

interface Options {
  /** Milliseconds the tab may be hidden until the stream is given up for the time being. */
  patience?: number;
  /** Whether it is of no use to ask again. */
  isFinal?: (problem: Problem) => boolean;
}

/** One try: reads until the stream ends or breaks; calls `alive` whenever something came. */
export type Reading = (abort: AbortController, alive: () => void) => Promise<void>;

/** Reads again and again until the returned function is called. */
export function keepOpen(read: Reading, onLoss: (problem: Problem | null) => void, { patience = 0, isFinal }: Options = {}): () => void {
  let open: AbortController | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;

  const connect = async (): Promise<void> => {
    clearTimeout(timer);
    open?.abort();
    const mine = new AbortController();
    open = mine;
    let problem: Problem | null = null;
    try {
      await read(mine, () => (failures = 0));
    } catch (error) {
      problem = error instanceof Refused ? error.problem : null;
    }
    if (open !== mine) return;
    onLoss(problem);
    if (problem && isFinal?.(problem)) return;
    timer = setTimeout(connect, RETRY[Math.min(failures, RETRY.length - 1)]);
    failures += 1;
  };
  const rest = (): void => {
    clearTimeout(timer);
    const mine = open;
    open = null;
    mine?.abort();
  };
  let hidden: ReturnType<typeof setTimeout> | undefined;
  const looked = (): void => {
    clearTimeout(hidden);
    if (!document.hidden) {
      if (!open) void connect();
    } else if (patience) hidden = setTimeout(rest, patience);
    else rest();
  };

  // A page that is left may be kept for the back button, and its streams with it: browsers open six per host.
  window.addEventListener("pagehide", rest);
  window.addEventListener("pageshow", looked);
  document.addEventListener("visibilitychange", looked);
  looked();
  return () => {
    document.removeEventListener("visibilitychange", looked);
    window.removeEventListener("pageshow", looked);
    window.removeEventListener("pagehide", rest);
    clearTimeout(hidden);
    rest();
  };
}

/** The text of an answer, as it comes. Throws Refused for an error, and when nothing comes for long. */
export async function readText(url: string, request: RequestInit, abort: AbortController, onText: (text: string) => void): Promise<void> {
  let watchdog = setTimeout(() => abort.abort(), SILENCE);
  try {
    const response = await fetch(url, { ...request, signal: abort.signal, cache: "no-store" });
    if (!response.ok || !response.body) throw new Refused(await problemOf(response));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(watchdog);
      watchdog = setTimeout(() => abort.abort(), SILENCE);
      onText(value);
    }
  } finally {
    clearTimeout(watchdog);
  }
}

export async function problemOf(response: Response): Promise<Problem> {
  try {
    const said = (await response.json()) as { error?: string; message?: string; hint?: string };
    const error = said.error ?? said.message ?? response.statusText;
    return { error, status: response.status, ...(said.hint ? { hint: said.hint } : {}) };
  } catch {
    return { error: response.statusText || "no reason given", status: response.status };
  }
}
