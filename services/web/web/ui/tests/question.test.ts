import { expect, test } from "vitest";
import { ask, BLANK, commandOf, fromQuery, isAskable, problems, toQuery, type Question } from "../src/tap/question";

const web: Question = { ...BLANK, namespace: "emojivoto", resource: "deploy/web" };

test("a link says the whole question, and whether it begins", () => {
  const question = { ...web, to: "deploy/voting", path: "/a b&c", maxRps: "5" };
  expect(fromQuery(toQuery(question, true))).toEqual({ question, starts: true });
  expect(fromQuery(toQuery(question, false)).starts).toBe(false);
  expect(toQuery(BLANK, false)).toBe("");
});

test("a resource, a namespace, every filter", () => {
  expect(ask(web, false)).toEqual({
    path: "/api/v1/tap/namespaces/emojivoto/deployments/web",
    body: { target: { kind: "deployment", name: "web", namespace: "emojivoto" }, maxRps: 100 },
  });
  expect(ask({ ...BLANK, namespace: "emojivoto" }, false)).toEqual({
    path: "/api/v1/tap/namespaces/emojivoto",
    body: { target: { kind: "namespace", name: "emojivoto" }, maxRps: 100 },
  });
  expect(ask({ ...web, resource: "ns/other" }, false).path).toBe("/api/v1/tap/namespaces/other");
  expect(ask({ ...web, to: "svc", toNamespace: "far", method: "post", scheme: "http", authority: "a:80", path: "/x", maxRps: "2.5" }, true).body).toEqual({
    target: { kind: "deployment", name: "web", namespace: "emojivoto" },
    to: { kind: "service", name: "", namespace: "far" },
    method: "POST", scheme: "http", authority: "a:80", pathPrefix: "/x", maxRps: 2.5, headers: true,
  });
  expect(ask({ ...web, toNamespace: "far" }, false).body.to).toEqual({ kind: "namespace", name: "far" });
  expect(ask({ ...web, to: "ns/far" }, false).body.to).toEqual({ kind: "namespace", name: "far" });
});

test.each([
  [{ ...BLANK }, ["namespace"]],
  [{ ...BLANK, namespace: "No" }, ["namespace"]],
  [{ ...web, resource: "web" }, ["resource"]],
  [{ ...web, resource: "deploy" }, ["resource"]],
  [{ ...web, resource: "deploy/../x" }, ["resource"]],
  [{ ...web, resource: "colour/red" }, ["resource"]],
  [{ ...web, to: "voting" }, ["to"]],
  [{ ...web, to: "ns/a", toNamespace: "b" }, ["toNamespace"]],
  [{ ...web, maxRps: "-1" }, ["maxRps"]],
  [{ ...web, maxRps: "many" }, ["maxRps"]],
] as [Question, string[]][])("%j cannot be asked", (question, fields) => {
  expect(Object.keys(problems(question))).toEqual(fields);
  expect(isAskable(question)).toBe(false);
});

test("the command that asks the same, safe to paste", () => {
  expect(commandOf("tap", { ...web, resource: "deployments/web", to: "deploy/voting", method: "POST" })).toBe("mesh tap deploy/web -n emojivoto --to deploy/voting --method POST");
  expect(commandOf("top", { ...BLANK, namespace: "emojivoto" }, ["--routes"])).toBe("mesh top ns/emojivoto --routes");
  expect(commandOf("tap", { ...web, path: "/a b; rm 'x'" })).toBe(`mesh tap deploy/web -n emojivoto --path '/a b; rm '\\''x'\\'''`);
});
