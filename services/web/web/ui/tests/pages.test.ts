import { expect, test } from "vitest";
import type { ProxyError, RouteRow, Snapshot } from "../src/model";
import { summaries } from "../src/pages/Errors";
import { isRetried, nameOf } from "../src/pages/Routes";
import { measured } from "../src/parts/Page";
import { ref, requests, snapshot } from "./made";

const error = (number: number, at: number, pod = "web-1"): ProxyError => ({ pod: ref(pod, "pod"), at, first: at, count: 1, side: "inbound", peer: "", route: "", endpoint: "", number, cause: "" });
const kind = (number: number) => ({ number, name: `e${number}`, meaning: "", causes: "", advice: "" });

test("kinds of errors: how often, where, and the one met last first", () => {
  const errors = [error(3001, 9), error(2001, 8), error(2001, 7, "web-2"), { ...error(2001, 6), count: 5 }];
  expect(summaries({ errors, kinds: [kind(2001), kind(3001)] }).map(({ kind: { number }, count, last, pods }) => [number, count, last, pods])).toEqual([
    [3001, 1, 9, 1],
    [2001, 7, 8, 2],
  ]);
});

test("tries are shown where there were more of them than requests", () => {
  const policy = { kind: "HTTPRoute", namespace: "", name: "votes", port: 0 };
  const row: RouteRow = { resource: ref("web", "service"), direction: "outbound", parent: policy, route: policy, requests: requests(5), actual: requests(5) };
  expect(isRetried(row)).toBe(false);
  expect(isRetried({ ...row, actual: null })).toBe(false);
  expect(isRetried({ ...row, actual: requests(5, 1) })).toBe(true);
  expect(nameOf({ ...row, route: { ...policy, kind: "ServiceProfile", name: "" } })).toContain("[DEFAULT]");
});

test("over which time and by whom the figures are", () => {
  const of = (extra: Partial<Snapshot<null>>): string => measured(snapshot(null, extra));
  expect(of({})).toBe("over the last 1m, read from the proxies");
  expect(of({ observed: 20 })).toBe("only 20s watched so far, read from the proxies");
  expect(of({ source: { backend: "prometheus", since: 1, fallbackReason: "" } })).toBe("over the last 1m, from Prometheus");
  expect(of({ source: { backend: "embedded", since: 1, fallbackReason: "it is away" } })).toMatch(/from the embedded collector since \d\d:\d\d:\d\d$/);
});
