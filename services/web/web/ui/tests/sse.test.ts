import { expect, test } from "vitest";
import { EventParser } from "../src/sse";

const TEXT = 'event: page\ndata: {"a":1}\n\n: a comment\n\ndata: one\r\ndata: two\r\n\r\nevent: problem\ndata:x\n\nid: 4\n\n';
const EVENTS = [
  { name: "page", data: '{"a":1}' },
  { name: "message", data: "one\ntwo" },
  { name: "problem", data: "x" },
];

test("whole", () => {
  expect(new EventParser().feed(TEXT)).toEqual(EVENTS);
});

test("split everywhere", () => {
  for (let at = 0; at <= TEXT.length; at += 1) {
    const parser = new EventParser();
    expect([...parser.feed(TEXT.slice(0, at)), ...parser.feed(TEXT.slice(at))]).toEqual(EVENTS);
  }
});

test("an event without its empty line has not happened yet", () => {
  const parser = new EventParser();
  expect(parser.feed("event: page\ndata: 1\n")).toEqual([]);
  expect(parser.feed("\n")).toEqual([{ name: "page", data: "1" }]);
});
