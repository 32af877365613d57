/** What the web service says: the JSON of `web.pages`. Moments are epoch seconds. */

export type Kind =
  | "cronjob" | "daemonset" | "deployment" | "job" | "namespace" | "pod" | "replicaset" | "service" | "statefulset";

/** A Kubernetes object. `namespace` is empty for namespaces themselves. */
export interface Ref {
  kind: Kind;
  namespace: string;
  name: string;
}

export interface Requests {
  success: number;
  failure: number;
  rps: number;
  /** Milliseconds. */
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

/** Rates in bytes per second. */
export interface Tcp {
  open: number;
  read: number;
  write: number;
}

export interface Row extends Ref {
  /** Of pods: Running, CrashLoopBackOff, ... */
  status: string;
  pods: { meshed: number; running: number; failed: number } | null;
  requests: Requests | null;
  tcp: Tcp | null;
}

/** `source` is null when the sender is not in the mesh; `reason` says why it is not secured. */
export interface Edge {
  source: Ref | null;
  target: Ref;
  clientId: string;
  serverId: string;
  secured: boolean;
  reason: string;
  requests: Requests | null;
  tcp: Tcp | null;
}

export interface Down {
  name: string;
  since: number;
  consequence: string;
}

export interface Past {
  /** Seconds before now, falling. */
  ages: number[];
  rows: Record<string, { rps: number[]; success: (number | null)[] }>;
}

/** Where numbers come from. */
export interface Source {
  backend: "embedded" | "prometheus";
  /** Epoch seconds since when; null before the first number. */
  since: number | null;
  /** Why it is not the Prometheus that is configured; empty when it is, or none is. */
  fallbackReason: string;
}

export interface Snapshot<Page> {
  at: number;
  measuredAt: number | null;
  window: number;
  observed: number;
  backend: string;
  source: Source;
  version: string;
  mesh: string;
  down: Down[];
  page: Page;
  past?: Past;
}

export interface NamespacesPage {
  rows: Row[];
}

export interface NamespacePage {
  rows: Row[];
  edges: Edge[];
}

export interface WorkloadPage {
  row: Row | null;
  pods: Row[];
  edges: Edge[];
  /** The rows of the edges' ends. */
  neighbours: Row[];
}

export interface ComponentPod {
  name: string;
  status: string;
  ready: boolean;
  restarts: number;
  started: number | null;
  version: string;
  proxyVersion: string;
}

export interface Component {
  name: string;
  downSince: number | null;
  consequence: string;
  pods: ComponentPod[];
}

export interface ControlPlanePage {
  components: Component[];
  rows: Row[];
  proxies: { version: string; pods: number }[];
  failing: { pod: string; reason: string }[];
}

/** What `mesh check -o json` says. */
export interface CheckResults {
  success: boolean;
  categories: { categoryName: string; checks: Checked[] }[];
}

export interface Checked {
  description: string;
  result: "success" | "warning" | "error";
  error?: string;
  advice?: string;
}

/** An object of policy, or the default that stands in for one; what is not known is empty. */
export interface Policy {
  kind: string;
  namespace: string;
  name: string;
  port: number;
}

export interface RouteRow {
  resource: Ref;
  direction: "inbound" | "outbound";
  parent: Policy;
  route: Policy;
  requests: Requests | null;
  /** Each try for itself; null where there are none. */
  actual: Requests | null;
}

export interface RoutesPage {
  routes: RouteRow[];
  /** To choose from. */
  namespaces: string[];
}

export interface ProxyError {
  pod: Ref;
  /** The last time, in epoch seconds. */
  at: number;
  /** The first time. */
  first: number;
  /** How often. */
  count: number;
  side: "inbound" | "outbound";
  peer: string;
  route: string;
  endpoint: string;
  number: number;
  cause: string;
}

export interface ErrorKind {
  number: number;
  name: string;
  meaning: string;
  causes: string;
  advice: string;
}

export interface ErrorsPage {
  /** Newest first. */
  errors: ProxyError[];
  /** Of the numbers in `errors`. */
  kinds: ErrorKind[];
  /** How many were asked. */
  proxies: number;
  unanswered: { pod: Ref; reason: string }[];
  namespaces: string[];
}

/** What names a row within a page; the server spells it in the same way. */
export function key(ref: Ref): string {
  return `${ref.kind}/${ref.namespace}/${ref.name}`;
}

export function same(one: Ref, other: Ref): boolean {
  return key(one) === key(other);
}

/** From 0 to 1; null when nothing was answered. */
export function successRate(requests: Requests | null): number | null {
  const total = requests ? requests.success + requests.failure : 0;
  return requests && total > 0 ? requests.success / total : null;
}
