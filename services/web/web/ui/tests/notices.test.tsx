import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, test } from "vitest";
import { NOTHING_YET, type Live } from "../src/live";
import { Notices } from "../src/parts/Notices";
import { snapshot } from "./made";

const now = Date.now() / 1000;

function said(live: Partial<Live<unknown>>): string {
  const root = document.createElement("div");
  document.body.append(root);
  act(() => render(<Notices live={{ ...NOTHING_YET, ...live }} />, root));
  const text = root.textContent ?? "";
  act(() => render(null, root));
  return text;
}

afterEach(() => document.body.replaceChildren());

test("all is well: nothing is said", () => {
  expect(said({ snapshot: snapshot({}, { at: now, measuredAt: now - 4 }) })).toBe("");
});

test("a web service that is gone, and since when", () => {
  const text = said({ snapshot: snapshot({}, { at: now - 70, measuredAt: now - 72 }), lostSince: now - 65 });
  expect(text).toMatch(/The web service does not answer since \d\d:\d\d:\d\d \(1m 5s\)/);
  expect(text).toContain("numbers below are of");
});

test("what the web service says is wrong", () => {
  const text = said({ snapshot: snapshot({}, { at: now }), lostSince: now, problem: { error: "prometheus: refused", status: 503 } });
  expect(text).toContain("The web service says: prometheus: refused");
});

test("a component that is down, since when, and what follows", () => {
  const down = [{ name: "identity", since: now - 10, consequence: "Certificates are not renewed." }];
  expect(said({ snapshot: snapshot({}, { at: now, measuredAt: now, down }) })).toMatch(/identity is down since .* \(10s\). Certificates are not renewed./);
});

test("proxies that are not read any more", () => {
  expect(said({ snapshot: snapshot({}, { at: now, measuredAt: now - 60 }) })).toContain("Proxies have not been read since");
});
