/** Values as the web service sends them, short. */

import type { Edge, Kind, Ref, Requests, Row, Snapshot } from "../src/model";

export function requests(success: number, failure = 0, rps = success + failure): Requests {
  return { success, failure, rps, p50: 1, p95: 2, p99: 3 };
}

export function ref(name: string, kind: Kind = "deployment"): Ref {
  return { kind, namespace: "emojivoto", name };
}

export function row(name: string, found: Requests | null = null): Row {
  return { ...ref(name), status: "", pods: { meshed: 1, running: 1, failed: 0 }, requests: found, tcp: null };
}

export function edge(from: string, to: string, found: Partial<Edge> = {}): Edge {
  return { source: ref(from), target: ref(to), clientId: "", serverId: "", secured: true, reason: "", requests: null, tcp: null, ...found };
}

export function snapshot<Page>(page: Page, extra: Partial<Snapshot<Page>> = {}): Snapshot<Page> {
  return { at: 100, measuredAt: 99, window: 60, observed: 60, backend: "embedded", source: { backend: "embedded", since: 40, fallbackReason: "" }, version: "1", mesh: "weft", down: [], page, ...extra };
}
