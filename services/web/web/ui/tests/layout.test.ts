import { expect, test } from "vitest";
import { layOut, withoutCycles } from "../src/layout";

const SIZE = { width: 100, height: 40, across: 50, down: 10 };

function layers(...links: [string, string][]): Record<string, number> {
  const ids = new Map(links.flat().map((id) => [id, id]));
  return Object.fromEntries(layOut(ids, links, SIZE).nodes.map((node) => [node.id, node.layer]));
}

test("callers stand left of whom they call", () => {
  expect(layers(["vote-bot", "web"], ["web", "emoji"], ["web", "voting"])).toEqual({ "vote-bot": 0, web: 1, emoji: 2, voting: 2 });
});

test("a node is right of its last caller", () => {
  expect(layers(["a", "b"], ["b", "c"], ["a", "c"])).toEqual({ a: 0, b: 1, c: 2 });
});

test("circles and links to oneself are laid out too", () => {
  expect(layers(["a", "b"], ["b", "a"], ["b", "b"])).toEqual({ a: 0, b: 1 });
  expect(withoutCycles(["a", "b", "c"], [["a", "b"], ["b", "c"], ["c", "a"]])).toEqual([["a", "b"], ["b", "c"]]);
});

test("nodes do not overlap and fit into the drawing", () => {
  const ids = new Map([..."abcdefgh"].map((id) => [id, id]));
  const graph = layOut(ids, [["a", "d"], ["b", "d"], ["c", "e"], ["d", "f"], ["e", "f"], ["e", "g"], ["g", "h"]], SIZE);
  for (const one of graph.nodes) {
    expect(one.x).toBeGreaterThanOrEqual(SIZE.width / 2);
    expect(one.x).toBeLessThanOrEqual(graph.width - SIZE.width / 2);
    expect(one.y).toBeGreaterThanOrEqual(SIZE.height / 2);
    expect(one.y).toBeLessThanOrEqual(graph.height - SIZE.height / 2);
    for (const other of graph.nodes) {
      if (one !== other && one.layer === other.layer) expect(Math.abs(one.y - other.y)).toBeGreaterThanOrEqual(SIZE.height);
    }
  }
});

test("neighbours are untangled", () => {
  const ids = new Map(["a", "b", "x", "y"].map((id) => [id, id]));
  const graph = layOut(ids, [["a", "y"], ["b", "x"]], SIZE);
  const at = new Map(graph.nodes.map((node) => [node.id, node.y]));
  expect(Math.sign((at.get("a") ?? 0) - (at.get("b") ?? 0))).toBe(Math.sign((at.get("y") ?? 0) - (at.get("x") ?? 0)));
});

test("nothing is an empty drawing", () => {
  expect(layOut(new Map(), [], SIZE).nodes).toEqual([]);
});
