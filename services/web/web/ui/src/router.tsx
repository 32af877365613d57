/** Paths and pages. Works below any prefix: the base is where the script was loaded from. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { kindOf } from "./kinds";
import type { Kind } from "./model";

export type Route =
  | { page: "namespaces" }
  | { page: "namespace"; namespace: string; only: Kind | null }
  | { page: "workload"; kind: Kind; namespace: string; name: string }
  | { page: "controlplane" }
  | { page: "routes"; namespace: string }
  | { page: "errors"; namespace: string }
  | { page: "tap" }
  | { page: "top" }
  | { page: "unknown"; path: string };

/** The route of a path below the base. */
export function parse(path: string): Route {
  const [head, namespace, plural, name, ...more] = path.split("/").filter(Boolean).map(decode);
  const unknown: Route = { page: "unknown", path };
  if (head === undefined) return { page: "namespaces" };
  if ((head === "controlplane" || head === "tap" || head === "top") && namespace === undefined) return { page: head };
  if ((head === "routes" || head === "errors") && plural === undefined) return { page: head, namespace: namespace ?? "" };
  if (head !== "namespaces" || more.length) return unknown;
  if (namespace === undefined) return { page: "namespaces" };
  if (plural === undefined) return { page: "namespace", namespace, only: null };
  const kind = kindOf(plural);
  if (kind === null) return unknown;
  if (name === undefined) return { page: "namespace", namespace, only: kind };
  return { page: "workload", kind, namespace, name };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export const BASE = import.meta.env.PROD ? new URL("..", import.meta.url).pathname : "/";

export function href(path: string): string {
  return BASE + path.replace(/^\//, "");
}

function current(): string {
  const { pathname } = window.location;
  return pathname.startsWith(BASE) ? `/${pathname.slice(BASE.length)}` : pathname;
}

const MOVED = "weft:moved";

export function go(path: string): void {
  window.history.pushState(null, "", href(path));
  window.dispatchEvent(new Event(MOVED));
  window.scrollTo(0, 0);
}

/** Changes what stands behind the path, without a new entry in the browser's history. */
export function setQuery(query: string): void {
  window.history.replaceState(null, "", window.location.pathname + query);
}

interface Visit {
  path: string;
  /** Counts arrivals, also at the path one is at. */
  visit: number;
}

/** The path shown now. Going to a place within the page is no visit. */
export function useVisit(): Visit {
  const [shown, setShown] = useState<Visit>(() => ({ path: current(), visit: 0 }));
  useEffect(() => {
    let { hash } = window.location;
    const moved = () => setShown((before) => ({ path: current(), visit: before.visit + 1 }));
    const popped = () => {
      const within = window.location.hash !== hash;
      hash = window.location.hash;
      if (!within) moved();
    };
    window.addEventListener("popstate", popped);
    window.addEventListener(MOVED, moved);
    return () => {
      window.removeEventListener("popstate", popped);
      window.removeEventListener(MOVED, moved);
    };
  }, []);
  return shown;
}

interface LinkProps {
  to: string;
  children: ComponentChildren;
  class?: string;
  current?: boolean;
  label?: string;
}

/** A link that changes the page without loading it; with a modifier key it is the browser's. */
export function Link({ to, children, current: here, label, ...rest }: LinkProps): JSX.Element {
  return (
    <a {...rest} href={href(to)} onClick={(event) => follow(event, to)} aria-label={label} aria-current={here ? "page" : undefined}>
      {children}
    </a>
  );
}

export function follow(event: MouseEvent, to: string): void {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(to);
}
