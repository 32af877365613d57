/** Which rows of a long table are drawn: those in sight and some around them. Pure. */

export interface Slice {
  first: number;
  /** One past the last. */
  end: number;
  /** Pixels of rows left out above and below. */
  above: number;
  below: number;
}

const STEP = 8;

/** Moves in steps of several rows, so that most pixels of scrolling change nothing. */
export function slice(count: number, rowHeight: number, scrolled: number, height: number): Slice {
  const inSight = Math.ceil(height / rowHeight);
  const top = Math.max(0, Math.floor(scrolled / rowHeight));
  const first = Math.max(0, Math.min(Math.floor(top / STEP) * STEP - STEP, Math.max(0, count - inSight - STEP)));
  const end = Math.min(count, first + inSight + 3 * STEP);
  return { first, end, above: first * rowHeight, below: (count - end) * rowHeight };
}
