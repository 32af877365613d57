import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Problem } from "../src/connection";
import { follow, lose, NOTHING_YET, take } from "../src/live";
import type { NamespacesPage } from "../src/model";
import type { ServerEvent } from "../src/sse";
import { requests, row, snapshot } from "./made";

const rows = (page: NamespacesPage) => page.rows;
const page = (data: unknown): ServerEvent => ({ name: "page", data: JSON.stringify(data) });

test("a page is shown, and its rows remembered", () => {
  const live = take(NOTHING_YET, page(snapshot({ rows: [row("web", requests(9))] })), rows, 100);
  expect(live.snapshot?.page.rows).toHaveLength(1);
  expect(live.history.of("deployment/emojivoto/web")).toEqual([{ at: 100, rps: 9, success: 1 }]);
});

test("what is lost stays on show, with the moment it was first missed", () => {
  const shown = take(NOTHING_YET, page(snapshot({ rows: [] })), rows, 100);
  const lost = lose(lose(shown, null, 105), { error: "away", status: 503 }, 110);
  expect(lost).toMatchObject({ lostSince: 105, problem: { error: "away" }, snapshot: shown.snapshot });
  expect(take(lost, page(snapshot({ rows: [] })), rows, 120)).toMatchObject({ lostSince: null, problem: null });
});

test("a problem within the stream is one too; other events are not ours", () => {
  const problem = { name: "problem", data: '{"error":"there is no namespace x","status":404}' };
  expect(take(NOTHING_YET, problem, rows, 7)).toMatchObject({ lostSince: 7, problem: { status: 404 } });
  expect(take(NOTHING_YET, { name: "later", data: "" }, rows, 7)).toBe(NOTHING_YET);
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function body(...pieces: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
      controller.close();
    },
  });
}

test("a stream that ends is opened again; a refusal is told", async () => {
  const answers = [
    { ok: true, body: body("event: page\nda", "ta: 1\n\n") },
    { ok: false, status: 503, statusText: "", json: async () => ({ error: "not yet" }) },
    { ok: true, body: body("event: page\ndata: 2\n\n") },
  ];
  const asked = vi.fn(async () => answers.shift() ?? new Promise(() => undefined));
  vi.stubGlobal("fetch", asked);
  const events: string[] = [];
  const losses: (Problem | null)[] = [];
  const stop = follow("/x", (event) => events.push(event.data), (problem) => losses.push(problem));
  await vi.advanceTimersByTimeAsync(0);
  expect(events).toEqual(["1"]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(losses).toEqual([null, { error: "not yet", status: 503 }]);
  await vi.advanceTimersByTimeAsync(2000);
  expect(events).toEqual(["1", "2"]);
  stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveBeenCalledTimes(3);
});

test("silence is a loss", async () => {
  vi.stubGlobal("fetch", (_: string, { signal }: RequestInit) =>
    new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(new Error("aborted")))),
  );
  const lost = vi.fn();
  const stop = follow("/x", () => undefined, lost);
  await vi.advanceTimersByTimeAsync(19_000);
  expect(lost).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(2000);
  expect(lost).toHaveBeenCalledWith(null);
  stop();
});
