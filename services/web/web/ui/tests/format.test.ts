import { expect, test } from "vitest";
import { bytes, clock, explain, grade, latency, moment, percent, rate, shortIdentity, span } from "../src/format";

test("success rates and their grades", () => {
  expect([null, 0, 0.8999, 0.9, 0.9499, 0.95, 1].map(grade)).toEqual(["none", "bad", "bad", "warn", "warn", "good", "good"]);
  expect([percent(null), percent(0.8), percent(1)]).toEqual(["–", "80.00 %", "100.00 %"]);
});

test("rates", () => {
  expect([null, 0, 9.34, 123.4, 12_340, 2_500_000].map(rate)).toEqual(["–", "0.0", "9.3", "123", "12.3k", "2.5M"]);
});

test("latencies", () => {
  expect([null, 0.5, 12.4, 1234, 50_000].map(latency)).toEqual(["–", "0.5 ms", "12 ms", "1.2 s", "50 s"]);
});

test("bytes", () => {
  expect([null, 0, 999, 1500, 250_000, 3.2e9, 5e13].map(bytes)).toEqual(["–", "0 B/s", "999 B/s", "1.5 kB/s", "250 kB/s", "3.2 GB/s", "50000 GB/s"]);
});

test("spans have their two largest units", () => {
  expect([-1, 0, 59, 60, 200, 7500, 90_061].map(span)).toEqual(["0s", "0s", "59s", "1m", "3m 20s", "2h 5m", "1d 1h"]);
});

test("identities and reasons", () => {
  expect(shortIdentity("web.emojivoto.serviceaccount.identity.weft.cluster.local")).toBe("web.emojivoto");
  expect(shortIdentity("example.com")).toBe("example.com");
  expect(explain("no_tls_from_remote")).toBe("the sender has no identity");
  expect(explain("something_new")).toBe("something new");
});

test("a moment of another day says which", () => {
  const noon = new Date(2026, 0, 2, 12).getTime() / 1000;
  expect(moment(noon - 60, noon)).toBe(clock(noon - 60));
  expect(moment(noon - 86_400, noon)).toBe(`2026-01-01 ${clock(noon - 86_400)}`);
});
