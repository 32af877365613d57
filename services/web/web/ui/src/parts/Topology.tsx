/** Who calls whom, drawn: callers left, success rate and rate on each edge, a lock where it is secured. */

import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { explain, grade, percent, rate } from "../format";
import { pathOf } from "../kinds";
import { layOut, type Node } from "../layout";
import { key, successRate, type Edge, type Ref, type Row } from "../model";
import { follow, href } from "../router";

const SIZE = { width: 172, height: 60, across: 190, down: 36 };
const MARGIN = 12;
const OUTSIDE = "outside";

interface Vertex {
  ref: Ref | null;
  row: Row | null;
}

interface Props {
  namespace: string;
  rows: readonly Row[];
  edges: readonly Edge[];
}

export function Topology({ namespace, rows, edges: all }: Props): JSX.Element | null {
  const edges = all.filter(carries);
  const shape = edges.map((edge) => `${edgeEnds(edge).join(">")}`).join(" ");
  const graph = useMemo(() => {
    const vertices = new Map<string, Vertex>();
    for (const edge of edges) {
      for (const ref of [edge.source, edge.target]) vertices.set(ref ? key(ref) : OUTSIDE, { ref, row: null });
    }
    return layOut(vertices, edges.map(edgeEnds), SIZE);
  }, [shape]);
  if (!graph.nodes.length) return null;
  const known = new Map(rows.map((row) => [key(row), row]));
  const places = new Map(graph.nodes.map((node) => [node.id, node]));
  const width = graph.width + 2 * MARGIN;
  const height = graph.height + 2 * MARGIN;
  return (
    <div class="topology" role="region" aria-label="Topology" tabIndex={0}>
      <svg viewBox={`${-MARGIN} ${-MARGIN} ${width} ${height}`} width={width} height={height} role="group" aria-label={`Who calls whom in ${namespace}`}>
        <defs>
          {(["good", "warn", "bad", "none"] as const).map((one) => (
            <marker key={one} id={`arrow-${one}`} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
              <path d="M0 0.5 7.5 4 0 7.5z" class={`arrow is-${one}`} />
            </marker>
          ))}
        </defs>
        {edges.map((edge) => {
          const [source, target] = edgeEnds(edge);
          const from = places.get(source);
          const to = places.get(target);
          if (!from || !to || from === to) return null;
          return <Arc key={`${source}>${target}`} edge={edge} from={from} to={to} at={along(edges, source, target)} />;
        })}
        {graph.nodes.map((node) => (
          <Box key={node.id} node={node} row={known.get(node.id) ?? null} namespace={namespace} />
        ))}
      </svg>
    </div>
  );
}

/** What came from outside and is over is left to the table of edges. */
function carries(edge: Edge): boolean {
  return edge.source !== null || edge.requests !== null || (edge.tcp?.open ?? 0) > 0;
}

function edgeEnds(edge: Edge): [string, string] {
  return [edge.source ? key(edge.source) : OUTSIDE, key(edge.target)];
}

/** How far along an edge its label stands: away from the end that it shares with others. */
function along(edges: readonly Edge[], source: string, target: string): number {
  const leaves = edges.filter((edge) => edgeEnds(edge)[0] === source).length > 1;
  const arrives = edges.filter((edge) => edgeEnds(edge)[1] === target).length > 1;
  return leaves === arrives ? 0.5 : leaves ? 0.62 : 0.38;
}

function Box({ node, row, namespace }: { node: Node<Vertex>; row: Row | null; namespace: string }): JSX.Element {
  const { ref } = node.value;
  const success = successRate(row?.requests ?? null);
  const left = node.x - SIZE.width / 2;
  const top = node.y - SIZE.height / 2;
  const name = ref ? ref.name : "outside the mesh";
  const away = ref && ref.namespace !== namespace ? ref.namespace : "";
  const line = row?.requests ? `${percent(success)} · ${rate(row.requests.rps)} rps` : away || (ref ? (row ? "no requests in" : ref.kind) : "without identity");
  const body = (
    <>
      <rect x={left} y={top} width={SIZE.width} height={SIZE.height} rx="8" class="node-box" />
      <rect x={left} y={top + 8} width="4" height={SIZE.height - 16} rx="2" class={`node-grade is-${grade(success)}`} />
      <text x={left + 16} y={node.y - 5} class="node-name">{shorten(name)} </text>
      <text x={left + 16} y={node.y + 16} class="node-line">{line}</text>
    </>
  );
  if (!ref) return <g class="node is-outside">{body}</g>;
  return (
    <a class="node" href={href(pathOf(ref))} onClick={(event) => follow(event, pathOf(ref))}>
      {body}
    </a>
  );
}

interface ArcProps {
  edge: Edge;
  from: Node<Vertex>;
  to: Node<Vertex>;
  at: number;
}

function Arc({ edge, from, to, at }: ArcProps): JSX.Element {
  const success = successRate(edge.requests);
  const curve = to.layer > from.layer ? forwards(from, to) : backwards(from, to);
  const [[x1, y1], [x2, y2], [x3, y3], [x4, y4]] = curve;
  const path = `M${x1} ${y1}C${x2} ${y2} ${x3} ${y3} ${x4} ${y4}`;
  // An edge that passes other layers has its label in the gap before its end, clear of their boxes.
  const place = to.layer - from.layer > 1 ? reach((t) => bezier(x1, x2, x3, x4, t), x4 - SIZE.across / 2) : at;
  const x = bezier(x1, x2, x3, x4, place);
  const y = bezier(y1, y2, y3, y4, place);
  const text = edge.requests ? percent(success) : "TCP";
  const detail = edge.requests ? `${rate(edge.requests.rps)} rps` : `${edge.tcp?.open ?? 0} open`;
  const secured = edge.secured ? "secured by mutual TLS" : `not secured: ${explain(edge.reason)}`;
  return (
    <g class={`edge is-${grade(success)}${edge.secured ? "" : " is-plain"}`} role="img" aria-label={`${edge.source?.name ?? "outside the mesh"} to ${edge.target.name}: ${text}, ${detail}, ${secured}`} data-from={edge.source?.name ?? ""} data-to={edge.target.name}>
      <title>{`${text}, ${detail}, ${secured}`}</title>
      <path d={path} class="edge-path" marker-end={`url(#arrow-${grade(success)})`} />
      <rect x={x - 48} y={y - 19} width="96" height="38" rx="6" class="edge-label" />
      <g transform={`translate(${x - 40} ${y - 15}) scale(0.8)`} class="edge-lock">
        <rect x="3" y="7" width="10" height="7" rx="1.5" />
        <path d={edge.secured ? "M5 7V5a3 3 0 0 1 6 0v2" : "M5 7V5a3 3 0 0 1 5.6-1.5"} />
      </g>
      <text x={x + 8} y={y - 3} class="edge-text">{text}</text>
      <text x={x} y={y + 13} class="edge-detail">{detail}</text>
    </g>
  );
}

type Curve = [[number, number], [number, number], [number, number], [number, number]];

const TIP = 3;

/** From the right side of one box to the left side of another. */
function forwards(from: Node<Vertex>, to: Node<Vertex>): Curve {
  const start = from.x + SIZE.width / 2;
  const end = to.x - SIZE.width / 2 - TIP;
  const bend = (end - start) / 2;
  return [[start, from.y], [start + bend, from.y], [end - bend, to.y], [end, to.y]];
}

/** Within a layer or against the current: below the boxes. */
function backwards(from: Node<Vertex>, to: Node<Vertex>): Curve {
  const start = from.y + SIZE.height / 2;
  const end = to.y + SIZE.height / 2 + TIP;
  return [[from.x, start], [from.x, start + SIZE.down], [to.x, end + SIZE.down], [to.x, end]];
}

function bezier(a: number, b: number, c: number, d: number, t: number): number {
  const s = 1 - t;
  return s * s * s * a + 3 * s * s * t * b + 3 * s * t * t * c + t * t * t * d;
}

/** Where between 0 and 1 a growing function reaches a value. */
function reach(grows: (t: number) => number, value: number): number {
  let low = 0;
  let high = 1;
  for (let round = 0; round < 20; round += 1) {
    const middle = (low + high) / 2;
    if (grows(middle) < value) low = middle;
    else high = middle;
  }
  return low;
}

function shorten(name: string): string {
  return name.length > 20 ? `${name.slice(0, 19)}…` : name;
}
