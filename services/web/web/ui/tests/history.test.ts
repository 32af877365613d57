import { expect, test } from "vitest";
import { History, STEP } from "../src/history";
import { requests, row } from "./made";

const KEY = "deployment/emojivoto/web";

test("the past comes first, oldest first", () => {
  const past = { ages: [30, 15], rows: { [KEY]: { rps: [1, 2], success: [1, null] } } };
  expect(History.of(past, 100).of(KEY)).toEqual([
    { at: 70, rps: 1, success: 1 },
    { at: 85, rps: 2, success: null },
  ]);
});

test("what is now is the last point, and a new one every step", () => {
  let history = new History();
  for (let at = 0; at <= 4 * STEP; at += 5) history = history.with([row("web", requests(at))], at);
  const moments = history.of(KEY).map((point) => point.at);
  expect(moments.at(-1)).toBe(4 * STEP);
  for (let index = 1; index < moments.length - 1; index += 1) {
    expect((moments[index] ?? 0) - (moments[index - 1] ?? 0)).toBeGreaterThanOrEqual(STEP);
  }
  expect(moments.length).toBeLessThanOrEqual(6);
});

test("it is bounded, and rows without requests are at rest", () => {
  let history = new History();
  for (let at = 0; at < 10_000; at += STEP) history = history.with([row("web")], at);
  expect(history.of(KEY)).toHaveLength(40);
  expect(history.of(KEY).at(-1)).toMatchObject({ rps: 0, success: null });
  expect(history.of("pod/emojivoto/web")).toEqual([]);
});
