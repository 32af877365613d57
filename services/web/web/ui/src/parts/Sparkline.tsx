/** A row's last minutes: a bar for each quarter of a minute, what failed in the failing colour. */

import type { JSX } from "preact";
import { memo } from "../memo";
import { percent, rate, span } from "../format";
import type { Point } from "../history";

const WIDTH = 96;
const HEIGHT = 22;
const SLOTS = 36;

export const Sparkline = memo(({ points }: { points: readonly Point[] }): JSX.Element => {
  const shown = points.slice(-SLOTS);
  const highest = Math.max(0.001, ...shown.map((point) => point.rps));
  const step = WIDTH / SLOTS;
  const offset = WIDTH - shown.length * step;
  let good = "";
  let bad = "";
  shown.forEach((point, index) => {
    const all = (point.rps / highest) * (HEIGHT - 2);
    const failed = all * (1 - (point.success ?? 1));
    const x = (offset + index * step).toFixed(1);
    if (all > failed) good += bar(x, step, HEIGHT - all, all - failed);
    if (failed > 0) bad += bar(x, step, HEIGHT - failed, failed);
  });
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} role="img" aria-label={say(shown)}>
      <line x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} class="sparkline-base" />
      <path class="sparkline-good" d={good} />
      <path class="sparkline-bad" d={bad} />
    </svg>
  );
});

/** One path for all bars of a colour: a table has thousands of bars, and each element costs. */
function bar(x: string, step: number, top: number, height: number): string {
  return `M${x} ${top.toFixed(1)}h${(step - 0.7).toFixed(1)}v${height.toFixed(1)}h${(0.7 - step).toFixed(1)}z`;
}

function say(points: readonly Point[]): string {
  const first = points[0];
  const last = points[points.length - 1];
  if (!first || !last || points.every((point) => point.rps === 0)) return "no requests lately";
  const rates = points.map((point) => point.rps);
  const successes = points.flatMap((point) => (point.success === null ? [] : [point.success]));
  return (
    `last ${span(last.at - first.at)}: from ${rate(Math.min(...rates))} to ${rate(Math.max(...rates))} requests per second, ` +
    `lowest success rate ${percent(successes.length ? Math.min(...successes) : null)}`
  );
}
