import { expect, test } from "vitest";
import { parse } from "../src/router";
import { KINDS, pathOf } from "../src/kinds";
import { ref } from "./made";

test("paths and their pages", () => {
  expect(parse("/")).toEqual({ page: "namespaces" });
  expect(parse("/namespaces/")).toEqual({ page: "namespaces" });
  expect(parse("/namespaces/emojivoto")).toEqual({ page: "namespace", namespace: "emojivoto", only: null });
  expect(parse("/namespaces/emojivoto/pods")).toEqual({ page: "namespace", namespace: "emojivoto", only: "pod" });
  expect(parse("/controlplane")).toEqual({ page: "controlplane" });
});

test.each(["/nowhere", "/namespaces/a/colours", "/namespaces/a/pods/b/c", "/controlplane/x", "/%zz"])("%s is no page", (path) => {
  expect(parse(path).page).toBe("unknown");
});

test("every object has a page, and its path leads there", () => {
  for (const kind of KINDS) {
    expect(parse(pathOf(ref("web", kind)))).toEqual({ page: "workload", kind, namespace: "emojivoto", name: "web" });
  }
});
