/** Completed calls added up by who asked whom for what, by the rules of `mesh top`. */

import { isFailure, isOutbound, milliseconds, who, type TapEvent } from "./event";

export interface Call {
  source: string;
  destination: string;
  method: string;
  /** Without the query; or the route. */
  path: string;
  count: number;
  failures: number;
  /** Milliseconds, from the request's first byte to the response's last. */
  best: number;
  worst: number;
  last: number;
}

export interface Ways {
  hideSources: boolean;
  routes: boolean;
}

interface Open {
  key: string;
  row: Call;
  status: number;
}

const MOST_OPEN = 1000;
const MOST_ROWS = 500;

export class Tally {
  private readonly open = new Map<string, Open>();
  private readonly rows = new Map<string, Call>();
  /** Pods that are watched, as `namespace/name`: a call between two of them is told twice and counts once. */
  watched = new Set<string>();

  constructor(private readonly ways: Ways = { hideSources: false, routes: false }) {}

  add(event: TapEvent): void {
    const known = this.open.get(event.id);
    if (event.requestInit) {
      if (!this.countsElsewhere(event)) this.begin(event, event.requestInit);
    } else if (known && event.responseInit) known.status = event.responseInit.status ?? 0;
    else if (known && event.responseEnd) {
      this.open.delete(event.id);
      this.finish(known, event.responseEnd);
    }
  }

  /** The most frequent first. */
  list(): Call[] {
    return [...this.rows.values()].sort((one, other) => other.count - one.count || (nameOf(one) < nameOf(other) ? -1 : 1));
  }

  private begin(event: TapEvent, init: NonNullable<TapEvent["requestInit"]>): void {
    const row: Call = {
      source: this.ways.hideSources ? "" : who(event.source),
      destination: who(event.destination),
      method: this.ways.routes ? "" : (init.method ?? ""),
      path: this.ways.routes ? (event.route?.route ?? "[DEFAULT]") : ((init.path ?? "").split("?")[0] ?? ""),
      count: 0, failures: 0, best: 0, worst: 0, last: 0,
    };
    this.open.set(event.id, { key: nameOf(row), row, status: 0 });
    if (this.open.size > MOST_OPEN) forgetFirst(this.open);
  }

  private finish({ key, row: blank, status }: Open, end: NonNullable<TapEvent["responseEnd"]>): void {
    const before = this.rows.get(key) ?? blank;
    const took = milliseconds(end.sinceRequest);
    this.rows.delete(key); // the one that has been silent for longest comes first
    this.rows.set(key, {
      ...before,
      count: before.count + 1,
      failures: before.failures + Number(isFailure(status, end)),
      best: before.count ? Math.min(before.best, took) : took,
      worst: Math.max(before.worst, took),
      last: took,
    });
    if (this.rows.size > MOST_ROWS) forgetFirst(this.rows);
  }

  /** The proxy at the other end is watched as well and tells the same call. */
  private countsElsewhere(event: TapEvent): boolean {
    const far = event.destination?.labels ?? {};
    return isOutbound(event) && this.watched.has(`${far.namespace}/${far.pod}`);
  }
}

export function nameOf(call: Call): string {
  return [call.source, call.destination, call.method, call.path].join(" ");
}

export function successOf(call: Call): number {
  return 1 - call.failures / call.count;
}

function forgetFirst(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
