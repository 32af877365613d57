/** What is asked of tap: as a form holds it, as a link carries it, as the API takes it, as `mesh` is typed. Pure. */

import { parseKind, shortOf, type TappedKind } from "../kinds";

/** Texts as they are typed; empty means any. */
export interface Question {
  namespace: string;
  /** `deploy/web`; empty: the whole namespace. */
  resource: string;
  to: string;
  toNamespace: string;
  method: string;
  scheme: string;
  authority: string;
  path: string;
  maxRps: string;
}

export const BLANK: Question = { namespace: "", resource: "", to: "", toNamespace: "", method: "", scheme: "", authority: "", path: "", maxRps: "" };
export const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
export const DEFAULT_RPS = 100;

/** The beginning of a link; the others keep their names. */
const START = "start";

export function fromQuery(search: string): { question: Question; starts: boolean } {
  const given = new URLSearchParams(search);
  const question = { ...BLANK };
  for (const name of Object.keys(BLANK) as (keyof Question)[]) question[name] = given.get(name)?.trim() ?? "";
  return { question, starts: given.has(START) };
}

export function toQuery(question: Question, starts: boolean): string {
  const made = new URLSearchParams();
  for (const [name, text] of Object.entries(question)) if (text) made.set(name, text);
  if (starts) made.set(START, "1");
  const text = made.toString();
  return text ? `?${text}` : "";
}

interface Resource {
  kind: TappedKind;
  name: string;
}

export interface Asked {
  /** Below the base. */
  path: string;
  body: Record<string, unknown>;
}

const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

/** What is wrong with it, by field; empty when it can be asked. */
export function problems(question: Question): Partial<Record<keyof Question, string>> {
  const found: Partial<Record<keyof Question, string>> = {};
  const target = question.resource ? resource(question.resource) : null;
  if (!question.namespace) found.namespace = "Name the namespace.";
  else if (!NAME.test(question.namespace)) found.namespace = "A name has lower-case letters, digits and -.";
  if (question.resource && !target?.name) found.resource = "Write TYPE/NAME, such as deploy/web.";
  if (question.to && !resource(question.to)) found.to = "Write TYPE or TYPE/NAME, such as deploy/voting.";
  else if (question.toNamespace && resource(question.to)?.kind === "namespace") found.toNamespace = "The other end names its namespace already.";
  if (question.toNamespace && !NAME.test(question.toNamespace)) found.toNamespace = "A name has lower-case letters, digits and -.";
  if (question.maxRps && !(Number(question.maxRps) > 0)) found.maxRps = "A number above 0.";
  return found;
}

export function isAskable(question: Question): boolean {
  return Object.keys(problems(question)).length === 0;
}

/** The request for a question without problems. */
export function ask(question: Question, headers: boolean): Asked {
  const target = resource(question.resource) ?? { kind: "namespace" as const, name: question.namespace };
  const namespace = target.kind === "namespace" ? target.name : question.namespace;
  const base = `/api/v1/tap/namespaces/${namespace}`;
  const texts = { method: question.method.toUpperCase(), scheme: question.scheme, authority: question.authority, pathPrefix: question.path };
  const to = other(question, namespace);
  return {
    path: target.kind === "namespace" ? base : `${base}/${target.kind}s/${target.name}`,
    body: {
      target: target.kind === "namespace" ? target : { ...target, namespace },
      maxRps: Number(question.maxRps) || DEFAULT_RPS,
      ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text)),
      ...(to ? { to } : {}),
      ...(headers ? { headers: true } : {}),
    },
  };
}

function other(question: Question, namespace: string): Record<string, string> | null {
  const to = resource(question.to);
  if (!to) return question.toNamespace ? { kind: "namespace", name: question.toNamespace } : null;
  return to.kind === "namespace" ? { ...to } : { ...to, namespace: question.toNamespace || namespace };
}

/** `TYPE/NAME` or `TYPE`; null for what is neither. */
function resource(text: string): Resource | null {
  const [kind = "", name = "", ...more] = text.split("/");
  const known = parseKind(kind);
  if (!known || more.length || (name && !NAME.test(name))) return null;
  return { kind: known, name };
}

/** What prints the same in a terminal; `flags` are those of one command alone. */
export function commandOf(command: "tap" | "top", question: Question, flags: string[] = []): string {
  const target = resource(question.resource);
  const words = ["mesh", command];
  if (target && target.kind !== "namespace") words.push(`${shortOf(target.kind)}/${target.name}`, "-n", quote(question.namespace || "NAMESPACE"));
  else words.push(`ns/${quote(target?.name || question.namespace || "NAMESPACE")}`);
  const options: [string, string][] = [
    ["--to", question.to],
    ["--to-namespace", question.toNamespace],
    ["--method", question.method],
    ["--scheme", question.scheme],
    ["--authority", question.authority],
    ["--path", question.path],
    ["--max-rps", question.maxRps],
  ];
  for (const [flag, text] of options) if (text) words.push(flag, quote(text));
  return [...words, ...flags].join(" ");
}

/** As one word of a shell. */
function quote(text: string): string {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
