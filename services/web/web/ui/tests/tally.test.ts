import { expect, test } from "vitest";
import type { TapEvent } from "../src/tap/event";
import { successOf, Tally } from "../src/tap/tally";
import { call, DOUGHNUT, type How } from "./tap";

function fed(calls: TapEvent[][], tally = new Tally()): Tally {
  for (const event of calls.flat()) tally.add(event);
  return tally;
}
const vote = (id: string, code: number): TapEvent[] => call({ id, path: DOUGHNUT, method: "POST", outbound: true, end: { grpcStatus: code } });

test("calls add up, the most frequent first", () => {
  const tally = fed([
    call({ id: "1:0", path: "/api/list?x=1", seconds: 0.004 }),
    call({ id: "1:1", path: "/api/list?x=2", seconds: 0.002 }),
    call({ id: "1:2", path: "/api/list", seconds: 0.003, status: 503 }),
    vote("1:3", 2),
  ]);
  expect(tally.list()).toEqual([
    { source: "deploy/vote-bot", destination: "deploy/web", method: "GET", path: "/api/list", count: 3, failures: 1, best: 2, worst: 4, last: 3 },
    { source: "deploy/web", destination: "deploy/voting", method: "POST", path: DOUGHNUT, count: 1, failures: 1, best: 2, worst: 2, last: 2 },
  ]);
  expect(tally.list().map(successOf)).toEqual([1 - 1 / 3, 0]);
});

const CODES: [How, number][] = [
  [{}, 1],
  [{ status: 404 }, 1],
  [{ status: 500 }, 0],
  [{ end: { resetCode: 8 } }, 0],
  ...Array.from({ length: 17 }, (_, code): [How, number] => [{ end: { grpcStatus: code } }, Number(![2, 4, 13, 14, 15].includes(code))]),
];
test.each(CODES)("%j succeeds: %d", (how, success) => {
  expect(fed([call(how)]).list().map(successOf)).toEqual([success]);
});

test("only what is complete counts, and what two proxies tell counts once", () => {
  expect(fed([call().slice(0, 2), call({ id: "1:1" }).slice(1)]).list()).toEqual([]);
  const tally = new Tally();
  tally.watched = new Set(["emojivoto/voting-1"]);
  expect(fed([vote("1:0", 0)], tally).list()).toEqual([]);
});

test("without sources, and by route", () => {
  expect(fed([call()], new Tally({ hideSources: true, routes: false })).list()[0]).toMatchObject({ source: "", path: "/api/vote" });
  expect(fed([call()], new Tally({ hideSources: false, routes: true })).list()[0]).toMatchObject({ method: "", path: "default" });
});

test.each([
  [{ pod: "p", replicaset: "rs", deployment: "d" }, "deploy/d"],
  [{ pod: "p", job: "j", cronjob: "c" }, "cj/c"],
  [{ pod: "p" }, "po/p"],
  [{ node: "n" }, "no/n"],
  [{}, "10.0.0.1"],
] as [Record<string, string>, string][])("%j is %s", (labels, name) => {
  const found = call();
  found[0].source = { ip: "10.0.0.1", labels };
  expect(fed([found]).list()[0]?.source).toBe(name);
});

test("memory is bounded: what is old or never ends makes room", () => {
  const tally = new Tally();
  for (let index = 0; index < 3000; index += 1) fed([call({ id: `1:${index}`, path: `/${index}` }), [call({ id: `2:${index}` })[0]]], tally);
  expect(tally.list()).toHaveLength(500);
  expect(tally.list().some((one) => one.path === "/0")).toBe(false);
  fed([call({ id: "2:0" }).slice(1)], tally);
  expect(tally.list().some((one) => one.path === "/api/vote")).toBe(false);
});
