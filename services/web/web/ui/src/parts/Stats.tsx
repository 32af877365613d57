/** The columns every table of resources and edges shares. */

import type { JSX } from "preact";
import { bytes, explain, grade, latency, NOTHING, percent, rate, shortIdentity } from "../format";
import type { History } from "../history";
import { argument, pathOf } from "../kinds";
import { key, successRate, type Edge, type Ref, type Requests, type Row, type Tcp } from "../model";
import { Link } from "../router";
import { Locked, Unlocked } from "./Icons";
import { Sparkline } from "./Sparkline";
import type { Column } from "./Table";

export function Success({ requests }: { requests: Requests | null }): JSX.Element {
  const found = successRate(requests);
  return (
    <span class={`success is-${grade(found)}`}>
      <span class="dot" aria-hidden="true" />
      {percent(found)}
    </span>
  );
}

interface Measured {
  requests: Requests | null;
  tcp: Tcp | null;
}

export function requestColumns<T extends Pick<Measured, "requests">>(): Column<T>[] {
  const requests = (row: T) => row.requests;
  return [
    { id: "success", title: "Success", numeric: true, label: "Share of answered requests that did not fail", value: (row) => successRate(requests(row)), draw: (row) => <Success requests={requests(row)} /> },
    { id: "rps", title: "RPS", numeric: true, label: "Requests per second", value: (row) => requests(row)?.rps ?? null, draw: (row) => rate(requests(row)?.rps) },
    { id: "p50", title: "P50", numeric: true, wide: true, label: "Latency: half of the requests were faster", value: (row) => requests(row)?.p50 ?? null, draw: (row) => latency(requests(row)?.p50) },
    { id: "p95", title: "P95", numeric: true, wide: true, label: "Latency: 95 of 100 requests were faster", value: (row) => requests(row)?.p95 ?? null, draw: (row) => latency(requests(row)?.p95) },
    { id: "p99", title: "P99", numeric: true, label: "Latency: 99 of 100 requests were faster", value: (row) => requests(row)?.p99 ?? null, draw: (row) => latency(requests(row)?.p99) },
  ];
}

export function tcpColumns<T extends Measured>(): Column<T>[] {
  return [
    { id: "conns", title: "TCP", numeric: true, wide: true, label: "Connections open now", value: (row) => row.tcp?.open ?? null, draw: (row) => row.tcp?.open ?? NOTHING },
    { id: "read", title: "Read", numeric: true, wide: true, label: "Bytes read per second", value: (row) => row.tcp?.read ?? null, draw: (row) => bytes(row.tcp?.read) },
    { id: "write", title: "Written", numeric: true, wide: true, label: "Bytes written per second", value: (row) => row.tcp?.write ?? null, draw: (row) => bytes(row.tcp?.write) },
  ];
}

export function nameColumn(title: string): Column<Row> {
  return { id: "name", title, value: (row) => row.name, draw: (row) => <Link to={pathOf(row)}>{row.name}</Link> };
}

export const meshedColumn: Column<Row> = {
  id: "meshed",
  title: "Meshed",
  numeric: true,
  label: "Pods with a proxy, of all that run",
  value: (row) => (row.pods && row.pods.running ? row.pods.meshed / row.pods.running : null),
  draw: (row) => <Meshed pods={row.pods} />,
};

export function Meshed({ pods }: { pods: Row["pods"] }): JSX.Element {
  if (!pods) return <>{NOTHING}</>;
  const whole = pods.running > 0 && pods.meshed === pods.running;
  return (
    <span class={whole ? "meshed is-whole" : pods.meshed ? "meshed is-part" : "meshed"}>
      {pods.meshed}/{pods.running}
      {pods.failed > 0 && <span class="failed"> {pods.failed} failed</span>}
    </span>
  );
}

export function historyColumn(history: History): Column<Row> {
  return { id: "history", title: "Last minutes", wide: true, label: "Requests per second; what failed in red", draw: (row) => <Sparkline points={history.of(key(row))} /> };
}

export function EndName({ end, from }: { end: Ref | null; from: string }): JSX.Element {
  if (!end) return <span class="outside">not in the mesh</span>;
  return (
    <Link to={pathOf(end)}>
      {argument(end)}
      {end.namespace !== from && <span class="elsewhere"> {end.namespace}</span>}
    </Link>
  );
}

export function Secured({ edge }: { edge: Edge }): JSX.Element {
  return edge.secured ? (
    <span class="secured" title={`${edge.clientId} → ${edge.serverId}`}>
      <Locked />
      {edge.clientId && edge.serverId ? `${shortIdentity(edge.clientId)} → ${shortIdentity(edge.serverId)}` : shortIdentity(edge.serverId) || "mutual TLS"}
    </span>
  ) : (
    <span class="unsecured" title={edge.reason}>
      <Unlocked />
      {explain(edge.reason)}
    </span>
  );
}

/** What the proxy that saw a request knows of the other side. */
export function Security({ tls }: { tls: string }): JSX.Element {
  if (tls === "true") return <span class="secured"><Locked />mutual TLS</span>;
  return tls ? <span class="unsecured" title={tls}><Unlocked />{explain(tls)}</span> : <>{NOTHING}</>;
}

export function edgeName(edge: Edge): string {
  return `${edge.source ? key(edge.source) : ""}>${key(edge.target)}>${edge.reason}`;
}
