/** Sorting and filtering. Pure. */

export interface Order {
  column: string;
  falling: boolean;
}

/** A sorted copy; what is null comes last either way, and ties keep their order. */
export function sorted<T>(rows: readonly T[], value: (row: T) => string | number | null, falling: boolean): T[] {
  const sign = falling ? -1 : 1;
  return rows
    .map((row) => ({ row, by: value(row) }))
    .sort((one, other) => {
      if (one.by === null || other.by === null) return Number(one.by === null) - Number(other.by === null);
      if (typeof one.by === "string" || typeof other.by === "string") {
        return sign * String(one.by).localeCompare(String(other.by), "en", { numeric: true });
      }
      return sign * (one.by - other.by);
    })
    .map(({ row }) => row);
}

/** Whether the text has the pattern in it; `*` stands for anything, case does not matter. */
export function matching(text: string, pattern: string): boolean {
  let from = 0;
  const lower = text.toLowerCase();
  for (const part of pattern.toLowerCase().split("*")) {
    const found = lower.indexOf(part, from);
    if (found < 0) return false;
    from = found + part.length;
  }
  return true;
}
