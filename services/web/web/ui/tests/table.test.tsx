import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, test } from "vitest";
import { Table, type Column } from "../src/parts/Table";

interface Thing {
  name: string;
  size: number;
}

const COLUMNS: Column<Thing>[] = [
  { id: "name", title: "Name", value: (row) => row.name, draw: (row) => row.name },
  { id: "size", title: "Size", numeric: true, value: (row) => row.size, draw: (row) => row.size },
];
const things = (count: number): Thing[] => Array.from({ length: count }, (_, index) => ({ name: `thing-${index}`, size: (index * 7) % count }));

function draw(rows: Thing[]): HTMLElement {
  const root = document.createElement("div");
  document.body.append(root);
  act(() => render(<Table caption="Things" columns={COLUMNS} rows={rows} name={(row) => row.name} text={(row) => row.name} />, root));
  return root;
}

const firstColumn = (root: HTMLElement): (string | null)[] => [...root.querySelectorAll("tbody th")].map((one) => one.textContent);

afterEach(() => document.body.replaceChildren());

test("a click sorts, the next one turns it round, and it says so", () => {
  const root = draw([{ name: "a", size: 1 }, { name: "b", size: 3 }, { name: "c", size: 2 }]);
  const size = root.querySelectorAll<HTMLButtonElement>("thead button")[1];
  act(() => size?.click());
  expect(firstColumn(root)).toEqual(["b", "c", "a"]);
  act(() => size?.click());
  expect(firstColumn(root)).toEqual(["a", "c", "b"]);
  expect(root.querySelector(".column-size")?.getAttribute("aria-sort")).toBe("ascending");
});

test("a thousand rows are drawn as a few, and counted as a thousand", () => {
  const root = draw(things(1000));
  expect(root.querySelectorAll("tbody tr").length).toBeLessThan(60);
  expect(root.querySelector("table")?.getAttribute("aria-rowcount")).toBe("1001");
});

test("a filter says how many are left, and when none is", () => {
  const root = draw(things(20));
  const input = root.querySelector("input");
  const type = (text: string) =>
    act(() => {
      if (input) input.value = text;
      input?.dispatchEvent(new Event("input", { bubbles: true }));
    });
  type("g-1*");
  expect(firstColumn(root)).toHaveLength(11);
  expect(root.textContent).toContain("11 of 20");
  type("nothing");
  expect(root.textContent).toContain("Nothing matches “nothing”.");
});
