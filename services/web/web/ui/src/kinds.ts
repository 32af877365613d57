/** Kinds as people, paths and `mesh` write them. */

import type { Kind, Ref } from "./model";

interface Words {
  plural: string;
  title: string;
  /** What `mesh` takes. */
  short: string;
}

const WORDS: Record<Kind, Words> = {
  namespace: { plural: "namespaces", title: "Namespaces", short: "ns" },
  deployment: { plural: "deployments", title: "Deployments", short: "deploy" },
  statefulset: { plural: "statefulsets", title: "Stateful sets", short: "sts" },
  daemonset: { plural: "daemonsets", title: "Daemon sets", short: "ds" },
  job: { plural: "jobs", title: "Jobs", short: "job" },
  cronjob: { plural: "cronjobs", title: "Cron jobs", short: "cj" },
  service: { plural: "services", title: "Services", short: "svc" },
  replicaset: { plural: "replicasets", title: "Replica sets", short: "rs" },
  pod: { plural: "pods", title: "Pods", short: "po" },
};

/** In the order in which a namespace shows them. */
export const KINDS: Kind[] = ["deployment", "statefulset", "daemonset", "job", "cronjob", "service", "pod", "replicaset"];

export function words(kind: Kind): Words {
  return WORDS[kind];
}

export function kindOf(plural: string): Kind | null {
  return KINDS.find((kind) => WORDS[kind].plural === plural) ?? null;
}

/** Kinds that have requests but no page. */
export type TappedKind = Kind | "replicationcontroller";

const SHORT: Record<TappedKind, string> = {
  ...(Object.fromEntries(Object.entries(WORDS).map(([kind, { short }]) => [kind, short])) as Record<Kind, string>),
  replicationcontroller: "rc",
};

/** A kind by any of its names: `deployment`, `deployments`, `deploy`. */
export function parseKind(text: string): TappedKind | null {
  const lower = text.toLowerCase();
  const kinds = Object.keys(SHORT) as TappedKind[];
  return kinds.find((kind) => lower === kind || lower === `${kind}s` || lower === SHORT[kind]) ?? null;
}

export function shortOf(kind: TappedKind): string {
  return SHORT[kind];
}

/** The page of an object. */
export function pathOf(ref: Ref): string {
  if (ref.kind === "namespace") return `/namespaces/${ref.name}`;
  return `/namespaces/${ref.namespace}/${WORDS[ref.kind].plural}/${ref.name}`;
}

/** `deploy/web`, as `mesh` takes it. */
export function argument(ref: Ref): string {
  return `${WORDS[ref.kind].short}/${ref.name}`;
}
