/** A topology laid out in layers, callers left of whom they call. Pure. */

export interface Node<T> {
  id: string;
  value: T;
  /** Centre. */
  x: number;
  y: number;
  layer: number;
}

export interface Graph<T> {
  nodes: Node<T>[];
  width: number;
  height: number;
}

export interface Size {
  /** Of a node. */
  width: number;
  height: number;
  /** Between layers, where edges and their labels are. */
  across: number;
  /** Between nodes of a layer. */
  down: number;
}

const SWEEPS = 6;

export function layOut<T>(values: Map<string, T>, links: [string, string][], size: Size): Graph<T> {
  const ids = [...values.keys()].sort();
  const known = links.filter(([from, to]) => from !== to && values.has(from) && values.has(to));
  const forward = withoutCycles(ids, known);
  const layers = untangle(layersOf(ids, forward), forward);
  const tallest = Math.max(1, ...layers.map((layer) => layer.length));
  const height = tallest * (size.height + size.down) - size.down;
  const nodes = layers.flatMap((layer, column) => {
    const used = layer.length * (size.height + size.down) - size.down;
    return layer.map((id, row) => ({
      id,
      value: values.get(id) as T,
      x: column * (size.width + size.across) + size.width / 2,
      y: (height - used) / 2 + row * (size.height + size.down) + size.height / 2,
      layer: column,
    }));
  });
  const width = Math.max(1, layers.length) * (size.width + size.across) - size.across;
  return { nodes, width, height };
}

/** Leaves out each link that closes a circle, so that layers exist. */
export function withoutCycles(ids: string[], links: [string, string][]): [string, string][] {
  const targets = groups(links);
  const state = new Map<string, "open" | "done">();
  const kept: [string, string][] = [];
  const visit = (id: string): void => {
    state.set(id, "open");
    for (const next of targets.get(id) ?? []) {
      if (state.get(next) === "open") continue;
      kept.push([id, next]);
      if (!state.has(next)) visit(next);
    }
    state.set(id, "done");
  };
  const called = new Set(links.map(([, to]) => to));
  for (const id of [...ids.filter((one) => !called.has(one)), ...ids]) if (!state.has(id)) visit(id);
  return kept;
}

/** Each node in the layer after the last of its callers. */
function layersOf(ids: string[], links: [string, string][]): string[][] {
  const callers = groups(links.map(([from, to]) => [to, from]));
  const depth = new Map<string, number>();
  const measure = (id: string): number => {
    const found = depth.get(id);
    if (found !== undefined) return found;
    const value = Math.max(-1, ...(callers.get(id) ?? []).map(measure)) + 1;
    depth.set(id, value);
    return value;
  };
  const layers: string[][] = [];
  for (const id of ids) (layers[measure(id)] ??= []).push(id);
  return layers;
}

/** Orders each layer by where its neighbours are, back and forth. */
function untangle(layers: string[][], links: [string, string][]): string[][] {
  const after = groups(links);
  const before = groups(links.map(([from, to]) => [to, from]));
  const place = new Map<string, number>();
  const note = (layer: string[]): void => layer.forEach((id, index) => place.set(id, index - layer.length / 2));
  layers.forEach(note);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : [...layers].reverse()) {
      const neighbours = down ? before : after;
      const weight = (id: string): number => {
        const near = neighbours.get(id) ?? [];
        if (!near.length) return place.get(id) ?? 0;
        return near.reduce((sum, one) => sum + (place.get(one) ?? 0), 0) / near.length;
      };
      const weights = new Map(layer.map((id) => [id, weight(id)]));
      layer.sort((one, other) => (weights.get(one) ?? 0) - (weights.get(other) ?? 0) || (one < other ? -1 : 1));
      note(layer);
    }
  }
  return layers;
}

function groups(links: [string, string][]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [from, to] of links) found.set(from, [...(found.get(from) ?? []), to]);
  return found;
}
