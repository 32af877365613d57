/** One object: its numbers, who calls it and whom it calls, its pods, its edges. */

import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { latency, percent, rate } from "../format";
import { argument, words } from "../kinds";
import type { Point } from "../history";
import { useLive } from "../live";
import { key, same, successRate, type Edge, type Ref, type Row, type WorkloadPage } from "../model";
import { Command } from "../parts/Command";
import { EdgesTable } from "../parts/Edges";
import { Page, Section } from "../parts/Page";
import { edgeName, EndName, historyColumn, Meshed, meshedColumn, nameColumn, requestColumns, Secured, Success } from "../parts/Stats";
import { Sparkline } from "../parts/Sparkline";
import { Table, type Column } from "../parts/Table";
import { Topology } from "../parts/Topology";
import { Link } from "../router";
import { isScrape } from "./Namespace";
import { LiveCalls } from "../parts/LiveCalls";

const rowsOf = (page: WorkloadPage): Row[] => [...(page.row ? [page.row] : []), ...page.pods];
const nameOf = (row: Row): string => row.name;

export function Workload({ kind, namespace, name }: Ref): JSX.Element {
  const own: Ref = { kind, namespace, name };
  const live = useLive<WorkloadPage>(`/namespaces/${namespace}/${words(kind).plural}/${name}`, rowsOf);
  const podColumns = useMemo<Column<Row>[]>(
    () => [nameColumn("Pod"), { id: "status", title: "Status", value: (row) => row.status, draw: (row) => row.status }, meshedColumn, ...requestColumns<Row>(), historyColumn(live.history)],
    [live.history],
  );
  return (
    <Page title={`${kind} ${name}`} heading={<><span class="kind">{kind}</span> {name}</>} live={live}>
      {({ page, mesh }) => {
        const edges = page.edges.filter((edge) => !isScrape(edge, mesh, namespace));
        const inbound = edges.filter((edge) => same(edge.target, own));
        const outbound = edges.filter((edge) => edge.source && same(edge.source, own));
        return (
          <>
            <p class="back">in namespace <Link to={`/namespaces/${namespace}`}>{namespace}</Link></p>
            {page.row && <Tiles row={page.row} points={live.history.of(key(own))} />}
            {page.row && page.row.pods && page.row.pods.running > 0 && page.row.pods.meshed === 0 && (
              <p class="hint">None of its pods is in the mesh, so little is known of it. Annotate its pod template with <code>linkerd.io/inject: enabled</code>, or pipe its manifest through <code>mesh inject</code>.</p>
            )}
            <Topology namespace={namespace} rows={[...page.neighbours, ...(page.row ? [page.row] : [])]} edges={edges.filter((edge) => edge.source && !same(edge.source, edge.target))} />
            {isTappable(page.row) && <LiveCalls of={own} />}
            {kind !== "service" && (
              <Section title="Calls" id="outbound">
                <Neighbours title="To" rows={outbound} end={(edge) => edge.target} namespace={namespace} empty="It sends no requests that the mesh sees." />
                <Command text={`mesh stat deploy --from ${argument(own)} -n ${namespace}`} />
              </Section>
            )}
            <Section title="Called by" id="inbound">
              <Neighbours title="From" rows={inbound} end={(edge) => edge.source} namespace={namespace} empty="Nobody calls it." />
              <Command text={`mesh stat deploy --to ${argument(own)} -n ${namespace}`} />
            </Section>
            {kind !== "pod" && kind !== "service" && (
              <Section title="Pods" id="pods">
                <Table caption="Pods" columns={podColumns} rows={page.pods} name={nameOf} text={nameOf} empty="It has no pods." />
                <Command text={`mesh stat po -n ${namespace} --unmeshed`} />
              </Section>
            )}
            <Section title="Edges" id="edges">
              <EdgesTable edges={page.edges} namespace={namespace} />
              <Command text={kind === "service" ? `mesh edges deploy -n ${namespace}` : `mesh edges ${argument(own)} -n ${namespace}`} />
            </Section>
          </>
        );
      }}
    </Page>
  );
}

/** A service's pods are not counted here, so tap is left to say whether there are any. */
function isTappable(row: Row | null): boolean {
  return row !== null && (row.pods === null || row.pods.meshed > 0);
}

interface NeighboursProps {
  title: string;
  rows: Edge[];
  end: (edge: Edge) => Ref | null;
  namespace: string;
  empty: string;
}

function Neighbours({ title, rows, end, namespace, empty }: NeighboursProps): JSX.Element {
  const columns = useMemo<Column<Edge>[]>(
    () => [
      { id: "name", title, value: (edge) => end(edge)?.name ?? null, draw: (edge) => <EndName end={end(edge)} from={namespace} /> },
      ...requestColumns<Edge>(),
      { id: "secured", title: "Secured", value: (edge) => Number(edge.secured), draw: (edge) => <Secured edge={edge} /> },
    ],
    [namespace, title],
  );
  return <Table caption={title === "To" ? "Calls" : "Called by"} columns={columns} rows={rows} name={edgeName} start={{ column: "success", falling: false }} empty={empty} />;
}

function Tiles({ row, points }: { row: Row; points: readonly Point[] }): JSX.Element {
  const { requests } = row;
  return (
    <dl class="tiles">
      <div><dt>Success rate</dt><dd title={percent(successRate(requests))}><Success requests={requests} /></dd></div>
      <div><dt>Requests per second</dt><dd>{rate(requests?.rps)}</dd></div>
      <div><dt>Latency P50</dt><dd>{latency(requests?.p50)}</dd></div>
      <div><dt>P95</dt><dd>{latency(requests?.p95)}</dd></div>
      <div><dt>P99</dt><dd>{latency(requests?.p99)}</dd></div>
      {row.pods && <div><dt>Meshed pods</dt><dd><Meshed pods={row.pods} /></dd></div>}
      {row.status && <div><dt>Status</dt><dd>{row.status}</dd></div>}
      <div><dt>Last minutes</dt><dd><Sparkline points={points} /></dd></div>
    </dl>
  );
}
