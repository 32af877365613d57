/** Single requests, put together from their events. */

import { isFailure, milliseconds, type TapEvent } from "./event";

export interface Seen {
  id: string;
  /** Epoch seconds when its first event reached this page. */
  at: number;
  /** What the proxy said as it began. */
  begun: TapEvent;
  response: NonNullable<TapEvent["responseInit"]> | null;
  end: NonNullable<TapEvent["responseEnd"]> | null;
}

/** The newest requests; what is older makes room. Each change makes new values, so that rows can be compared. */
export class Requests {
  private readonly seen = new Map<string, Seen>();
  total = 0;

  constructor(private readonly most = 500) {}

  add(event: TapEvent, now: number): void {
    const before = this.seen.get(event.id);
    if (event.requestInit) {
      this.total += 1;
      this.seen.set(event.id, { id: event.id, at: now, begun: event, response: null, end: null });
      if (this.seen.size > this.most) this.forgetOldest();
    } else if (before && event.responseInit) this.seen.set(event.id, { ...before, response: event.responseInit });
    else if (before && event.responseEnd) this.seen.set(event.id, { ...before, end: event.responseEnd });
  }

  get(id: string): Seen | undefined {
    return this.seen.get(id);
  }

  /** The newest first. */
  list(): Seen[] {
    return [...this.seen.values()].reverse();
  }

  private forgetOldest(): void {
    for (const id of this.seen.keys()) {
      this.seen.delete(id);
      return;
    }
  }
}

/** Milliseconds until the response began, which is what the client waited; null while it waits. */
export function waited(seen: Seen): number | null {
  if (seen.response) return milliseconds(seen.response.sinceRequest);
  return seen.end ? milliseconds(seen.end.sinceRequest) : null;
}

/** Null while it is not over. */
export function failed(seen: Seen): boolean | null {
  return seen.end ? isFailure(seen.response?.status ?? 0, seen.end) : null;
}
