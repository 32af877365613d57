/** What the tap API sends: `weft.tap.v1.TapMessage` as JSON, one per line, and readers of it. */

export interface Peer {
  ip?: string;
  port?: number;
  labels?: Record<string, string>;
}

export interface Header {
  name: string;
  text?: string;
  /** Base64. */
  binary?: string;
  /** The installation holds the value back. */
  redacted?: boolean;
}

export interface TapEvent {
  pod: string;
  direction?: "INBOUND" | "OUTBOUND";
  /** The same in all events of one request as one proxy saw it. */
  id: string;
  source?: Peer;
  destination?: Peer;
  route?: Record<string, string>;
  requestInit?: { method?: string; scheme?: string; authority?: string; path?: string; headers?: Header[] };
  responseInit?: { sinceRequest?: string; status?: number; headers?: Header[] };
  responseEnd?: { sinceRequest?: string; sinceResponse?: string; responseBytes?: string; grpcStatus?: number; resetCode?: number; trailers?: Header[] };
}

export interface Skipped {
  pod: string;
  reason: string;
}

export interface TapMessage {
  started?: { pods?: string[]; skipped?: Skipped[]; absent?: string };
  event?: TapEvent;
  trouble?: Skipped;
  /** How many events are missing here. */
  dropped?: string;
}

const OWNERS: [string, string][] = [
  ["deployment", "deploy"],
  ["statefulset", "sts"],
  ["daemonset", "ds"],
  ["cronjob", "cj"],
  ["job", "job"],
  ["replicationcontroller", "rc"],
  ["replicaset", "rs"],
];

/** The workload, the pod, the node or the address at one end, as `mesh top` names it. */
export function who(peer: Peer | undefined): string {
  const labels = peer?.labels ?? {};
  for (const [kind, short] of OWNERS) if (labels[kind]) return `${short}/${labels[kind]}`;
  if (labels.pod) return `po/${labels.pod}`;
  return labels.node ? `no/${labels.node}` : (peer?.ip ?? "?");
}

export function address(peer: Peer | undefined): string {
  const ip = peer?.ip ?? "?";
  return `${ip.includes(":") ? `[${ip}]` : ip}:${peer?.port ?? 0}`;
}

export function isOutbound(event: TapEvent): boolean {
  return event.direction === "OUTBOUND";
}

/** The end that is not the pod that saw it. */
export function farEnd(event: TapEvent): Peer | undefined {
  return isOutbound(event) ? event.destination : event.source;
}

/** `true`, or the reason why the connection is not secured. */
export function tls(event: TapEvent): string {
  return farEnd(event)?.labels?.tls ?? "";
}

/** Milliseconds of a duration as protobuf's JSON writes it: `0.001500s`. */
export function milliseconds(duration: string | undefined): number {
  const seconds = Number.parseFloat(duration ?? "");
  return Number.isFinite(seconds) ? seconds * 1000 : 0;
}

const GRPC = [
  "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied", "ResourceExhausted",
  "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated",
];

export function grpcName(code: number): string {
  return GRPC[code] ?? `Code(${code})`;
}

const GRPC_FAILURES = new Set([2, 4, 13, 14, 15]);

/** As the proxies count success: no reset, no 5xx, no gRPC status that is the server's fault. */
export function isFailure(status: number, end: NonNullable<TapEvent["responseEnd"]>): boolean {
  return end.resetCode !== undefined || status >= 500 || GRPC_FAILURES.has(end.grpcStatus ?? 0);
}

/** A line that is no message is left out: what follows may be. */
export function parse(line: string): TapMessage | null {
  try {
    const found: unknown = JSON.parse(line);
    return typeof found === "object" && found !== null ? found : null;
  } catch {
    return null;
  }
}

/** Lines from text in any pieces. */
export class Lines {
  private rest = "";

  feed(text: string): string[] {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    return lines.filter(Boolean);
  }
}
