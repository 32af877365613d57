import { expect, test } from "vitest";
import { Lines, milliseconds, parse } from "../src/tap/event";
import { failed, Requests, waited } from "../src/tap/requests";
import { verdict } from "../src/parts/Requests";
import { lose, OFF, take } from "../src/tap/watch";
import { call, DOUGHNUT } from "./tap";

test("a request grows with its events, and the newest comes first", () => {
  const requests = new Requests();
  const [init, response, end] = call({ path: DOUGHNUT, end: { grpcStatus: 2 } });
  requests.add(init, 100);
  const [first] = requests.list();
  expect(first && [waited(first), failed(first), verdict(first)]).toEqual([null, null, "waiting"]);
  requests.add(response, 101);
  requests.add(end, 102);
  requests.add(call({ id: "1:1" })[0], 103);
  const [second, whole] = requests.list();
  expect(second?.id).toBe("1:1");
  expect(whole && [whole.at, waited(whole), failed(whole), verdict(whole)]).toEqual([100, 1.234, true, "200 · Unknown"]);
  expect(requests.total).toBe(2);
});

test("an end without a beginning is nobody's, and old ones make room", () => {
  const requests = new Requests(3);
  requests.add(call({ id: "9:9" })[2], 0);
  for (let index = 0; index < 5; index += 1) requests.add(call({ id: `1:${index}` })[0], index);
  expect(requests.list().map((one) => one.id)).toEqual(["1:4", "1:3", "1:2"]);
  expect(requests.total).toBe(5);
});

test("a broken exchange says so", () => {
  const requests = new Requests();
  const [init, , end] = call({ end: { resetCode: 8 } });
  requests.add(init, 0);
  requests.add(end, 0);
  const [seen] = requests.list();
  expect(seen && [verdict(seen), failed(seen)]).toEqual(["reset 8", true]);
});

test("lines come in any pieces; what is no message is left out", () => {
  const lines = new Lines();
  expect([...lines.feed('{"a'), ...lines.feed('":1}\n\n{}'), ...lines.feed("\n")]).toEqual(['{"a":1}', "{}"]);
  expect(parse("nonsense")).toBeNull();
  expect(parse("7")).toBeNull();
  expect(milliseconds(undefined)).toBe(0);
});

test("what is told about watching", () => {
  const on = take({ ...OFF, state: "asking" }, { started: { pods: ["a/b"], skipped: [{ pod: "a/c", reason: "no proxy" }], absent: "nothing goes to pod/x" } });
  expect(on).toMatchObject({ state: "on", pods: ["a/b"], skipped: [{ pod: "a/c" }], absent: "nothing goes to pod/x" });
  expect(take(take(on, { dropped: "3" }), { dropped: "4" }).dropped).toBe(7);
  expect(take(on, { trouble: { pod: "a/b", reason: "gone" } }).troubles).toHaveLength(1);
  expect(take(on, {})).toBe(on);
  expect(lose(on, null, 5)).toMatchObject({ state: "lost", lostSince: 5 });
  expect(lose(lose(on, null, 5), { status: 503, error: "away" }, 9)).toMatchObject({ state: "lost", lostSince: 5, problem: { error: "away" } });
  expect(lose(on, { status: 403, error: "no" }, 5).state).toBe("refused");
  expect(take(lose(on, null, 5), { started: {} })).toMatchObject({ state: "on", absent: "", lostSince: null });
});
