import { expect, test } from "vitest";
import { slice } from "../src/windowing";

const ROW = 40;
const HEIGHT = 600;

test("every scroll position draws what is in sight, and heights add up", () => {
  for (const count of [0, 1, 15, 81, 1000]) {
    for (let scrolled = 0; scrolled <= count * ROW; scrolled += 13) {
      const part = slice(count, ROW, scrolled, HEIGHT);
      const top = Math.min(scrolled, Math.max(0, count * ROW - HEIGHT));
      expect(part.first * ROW).toBeLessThanOrEqual(top);
      expect(part.end * ROW).toBeGreaterThanOrEqual(Math.min(count * ROW, top + HEIGHT));
      expect(part.above + (part.end - part.first) * ROW + part.below).toBe(count * ROW);
      expect(part.end - part.first).toBeLessThanOrEqual(15 + 24);
    }
  }
});

test("it moves in steps, so that most pixels change nothing", () => {
  const slices = new Set<number>();
  for (let scrolled = 0; scrolled < 3200; scrolled += 1) slices.add(slice(1000, ROW, scrolled, HEIGHT).first);
  expect(slices.size).toBe(9);
});
