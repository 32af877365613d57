/** A table that sorts, filters, and draws only the rows in sight when there are many. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { matching, sorted, type Order } from "../order";
import { slice } from "../windowing";

export interface Column<T> {
  id: string;
  title: string;
  draw: (row: T) => ComponentChildren;
  /** What it is sorted by; without it, it is not. Null sorts last. */
  value?: (row: T) => string | number | null;
  numeric?: boolean;
  /** Left out where there is little room. */
  wide?: boolean;
  /** Said instead of `title`, where that is short. */
  label?: string;
}

interface Props<T> {
  caption: string;
  columns: Column<T>[];
  rows: readonly T[];
  name: (row: T) => string;
  /** What the filter looks at. */
  text?: (row: T) => string;
  start?: Order;
  empty?: string;
  /** The name of a row that stands out. */
  selected?: string | null;
}

const ROW = 40;
const MANY = 80;
const FILTERED_FROM = 12;

export function Table<T>({ caption, columns, rows, name, text, start, empty, selected }: Props<T>): JSX.Element {
  const [order, setOrder] = useState<Order | null>(start ?? null);
  const [filter, setFilter] = useState("");
  const shown = useMemo(() => {
    const column = columns.find((one) => one.id === order?.column);
    const found = filter && text ? rows.filter((row) => matching(text(row), filter)) : rows;
    return order && column?.value ? sorted(found, column.value, order.falling) : found;
  }, [rows, order, filter, columns, text]);
  const windowed = shown.length > MANY;
  useLayoutEffect(() => {
    if (rows.length) markFirst();
  }, [rows.length > 0]);
  const [box, part] = useSlice(shown.length, windowed);
  return (
    <div class="table">
      {text && rows.length >= FILTERED_FROM && (
        <label class="filter">
          <span>Filter</span>
          <input type="search" value={filter} placeholder="part of a name, * for anything" onInput={(event) => setFilter(event.currentTarget.value)} />
          <span class="filter-count" role="status">{filter ? `${shown.length} of ${rows.length}` : ""}</span>
        </label>
      )}
      <div class={windowed ? "table-box is-windowed" : "table-box"} ref={box} tabIndex={0} role="region" aria-label={caption}>
        <table aria-rowcount={shown.length + 1}>
          <caption class="unseen">{caption}</caption>
          <thead>
            <tr>
              {columns.map((column) => (
                <Head key={column.id} column={column} order={order} onOrder={setOrder} />
              ))}
            </tr>
          </thead>
          <tbody>
            {part.above > 0 && <Gap height={part.above} columns={columns.length} />}
            {shown.slice(part.first, part.end).map((row, index) => (
              <tr key={name(row)} class={selected === name(row) ? "is-selected" : undefined} aria-rowindex={part.first + index + 2}>
                {columns.map((column, place) => cell(column, row, place === 0))}
              </tr>
            ))}
            {part.below > 0 && <Gap height={part.below} columns={columns.length} />}
          </tbody>
        </table>
        {shown.length === 0 && <p class="empty">{filter ? `Nothing matches “${filter}”.` : (empty ?? "Nothing here.")}</p>}
      </div>
    </div>
  );
}

let marked = false;

/** When the first table with rows stood, for the browser's own tools to read. */
function markFirst(): void {
  if (!marked) performance.mark("weft:first-table");
  marked = true;
}

function Head<T>({ column, order, onOrder }: { column: Column<T>; order: Order | null; onOrder: (order: Order) => void }): JSX.Element {
  const falling = order?.column === column.id ? order.falling : null;
  const sort = falling === null ? "none" : falling ? "descending" : "ascending";
  return (
    <th scope="col" class={classes(column)} aria-sort={column.value ? sort : undefined}>
      {column.value ? (
        <button type="button" title={column.label} onClick={() => onOrder({ column: column.id, falling: falling === null ? Boolean(column.numeric) : !falling })}>
          {column.title}
          <span class="sort" aria-hidden="true">{falling === null ? "" : falling ? "↓" : "↑"}</span>
        </button>
      ) : (
        <span title={column.label}>{column.title}</span>
      )}
    </th>
  );
}

function cell<T>(column: Column<T>, row: T, first: boolean): JSX.Element {
  return first ? (
    <th scope="row" key={column.id} class={classes(column)}>{column.draw(row)}</th>
  ) : (
    <td key={column.id} class={classes(column)}>{column.draw(row)}</td>
  );
}

function classes<T>(column: Column<T>): string {
  return `column-${column.id}${column.numeric ? " is-numeric" : ""}${column.wide ? " is-wide" : ""}`;
}

function Gap({ height, columns }: { height: number; columns: number }): JSX.Element {
  return (
    <tr class="gap" aria-hidden="true">
      <td colSpan={columns} style={{ height: `${height}px` }} />
    </tr>
  );
}

/** The slice in sight of a scrolling box; all rows when it does not scroll. */
function useSlice(count: number, windowed: boolean): [ { current: HTMLDivElement | null }, ReturnType<typeof slice>] {
  const box = useRef<HTMLDivElement>(null);
  const all = { first: 0, end: count, above: 0, below: 0 };
  const measure = () => (box.current ? slice(count, ROW, box.current.scrollTop, box.current.clientHeight) : slice(count, ROW, 0, 800));
  const [part, setPart] = useState(() => measure());
  const update = (): void =>
    setPart((before) => {
      const now = measure();
      return now.first === before.first && now.end === before.end && now.below === before.below ? before : now;
    });
  useLayoutEffect(() => {
    if (windowed) update();
  }, [count, windowed]);
  useEffect(() => {
    const element = box.current;
    if (!element || !windowed) return undefined;
    element.addEventListener("scroll", update, { passive: true });
    window.addEventListener("resize", update);
    return () => {
      element.removeEventListener("scroll", update);
      window.removeEventListener("resize", update);
    };
  }, [count, windowed]);
  return [box, windowed ? part : all];
}
