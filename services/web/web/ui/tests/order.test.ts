import { expect, test } from "vitest";
import { matching, sorted } from "../src/order";

const value = (found: { by: string | number | null }) => found.by;

test("numbers, either way, with nothing last", () => {
  const rows = [{ by: 2 }, { by: null }, { by: 10 }, { by: 1 }];
  expect(sorted(rows, value, false).map(value)).toEqual([1, 2, 10, null]);
  expect(sorted(rows, value, true).map(value)).toEqual([10, 2, 1, null]);
  expect(rows.map(value)).toEqual([2, null, 10, 1]);
});

test("names with numbers in them, as people count", () => {
  expect(sorted([{ by: "web-10" }, { by: "web-9" }], value, false).map(value)).toEqual(["web-9", "web-10"]);
});

test("ties keep their order", () => {
  const rows = [{ by: 1, at: 0 }, { by: 1, at: 1 }, { by: 0, at: 2 }];
  expect(sorted(rows, value, true).map((row) => row.at)).toEqual([0, 1, 2]);
});

test.each([
  ["vote-bot", "BOT", true],
  ["vote-bot", "v*t", true],
  ["vote-bot", "t*v", false],
  ["vote-bot", "", true],
  ["vote-bot", "*", true],
  ["a.b", "a?b", false],
])("%s with %s: %s", (text, pattern, expected) => {
  expect(matching(text, pattern)).toBe(expected);
});
