/** How each row was: the server's past first, then what we saw ourselves. */

import { key, successRate, type Past, type Row } from "./model";

export interface Point {
  /** Epoch seconds. */
  at: number;
  rps: number;
  success: number | null;
}

export const STEP = 15;
const LONGEST = 40;

/** Points by row, immutable: each change is a new value. */
export class History {
  constructor(private readonly points: ReadonlyMap<string, readonly Point[]> = new Map()) {}

  /** The past, as the first event of a stream carries it. */
  static of(past: Past, now: number): History {
    const points = new Map<string, Point[]>();
    for (const [name, { rps, success }] of Object.entries(past.rows)) {
      points.set(
        name,
        past.ages.map((age, index) => ({ at: now - age, rps: rps[index] ?? 0, success: success[index] ?? null })),
      );
    }
    return new History(points);
  }

  /** What is now; points are STEP apart, so most calls only move the last one. */
  with(rows: readonly Row[], now: number): History {
    const points = new Map(this.points);
    for (const row of rows) {
      const before = points.get(key(row)) ?? [];
      const last = before[before.length - 1];
      const previous = before[before.length - 2];
      const moves = last !== undefined && previous !== undefined && last.at - previous.at < STEP;
      const kept = moves ? before.slice(0, -1) : before;
      const point = { at: now, rps: row.requests?.rps ?? 0, success: successRate(row.requests) };
      points.set(key(row), [...kept, point].slice(-LONGEST));
    }
    return new History(points);
  }

  of(name: string): readonly Point[] {
    return this.points.get(name) ?? [];
  }
}
