/** A namespace: who calls whom, and everything in it by kind. */

import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { History } from "../history";
import { KINDS, words } from "../kinds";
import { useLive } from "../live";
import type { Edge, Kind, NamespacePage, Row } from "../model";
import { Command } from "../parts/Command";
import { EdgesTable } from "../parts/Edges";
import { Page, Section } from "../parts/Page";
import { historyColumn, meshedColumn, nameColumn, requestColumns, tcpColumns } from "../parts/Stats";
import { Table, type Column } from "../parts/Table";
import { Topology } from "../parts/Topology";
import { Link } from "../router";
import { BLANK, toQuery } from "../tap/question";

const rowsOf = (page: NamespacePage): Row[] => page.rows;
const nameOf = (row: Row): string => row.name;

export function Namespace({ namespace, only }: { namespace: string; only: Kind | null }): JSX.Element {
  const live = useLive<NamespacePage>(`/namespaces/${namespace}`, rowsOf);
  const title = only ? `${words(only).title} in ${namespace}` : namespace;
  const columns = useMemo(() => columnsOf(live.history), [live.history]);
  return (
    <Page title={title} heading={only ? title : <><span class="kind">namespace</span> {namespace}</>} live={live}>
      {({ page, mesh }) => {
        const kinds = KINDS.filter((kind) => (only ? kind === only : page.rows.some((row) => row.kind === kind)));
        const own = page.edges.filter((edge) => !isScrape(edge, mesh, namespace));
        return (
          <>
            {only && <p class="back"><Link to={`/namespaces/${namespace}`}>Everything in {namespace}</Link></p>}
            {!only && (
              <p class="back links">
                <Link to={`/routes/${namespace}`}>Routes</Link> <Link to={`/errors/${namespace}`}>Errors</Link>{" "}
                <Link to={`/tap${toQuery({ ...BLANK, namespace }, false)}`}>Tap</Link>
              </p>
            )}
            {!only && <Topology namespace={namespace} rows={page.rows} edges={own} />}
            {kinds.map((kind) => (
              <Section key={kind} title={words(kind).title} id={words(kind).plural}>
                <Table caption={words(kind).title} columns={columns(kind)} rows={page.rows.filter((row) => row.kind === kind)} name={nameOf} text={nameOf} start={{ column: "name", falling: false }} empty={`There are no ${words(kind).plural} here.`} />
                <Command text={`mesh stat ${words(kind).short} -n ${namespace}${kind === "service" ? "" : " --unmeshed"}`} />
              </Section>
            ))}
            {!only && page.edges.length > 0 && (
              <Section title="Edges" id="edges">
                <EdgesTable edges={page.edges} namespace={namespace} />
                <Command text={`mesh edges deploy -n ${namespace}`} />
              </Section>
            )}
            {!kinds.length && <p class="empty">Nothing runs in this namespace.</p>}
          </>
        );
      }}
    </Page>
  );
}

/** Whether it is the control plane reading the proxies' metrics, which is no traffic of anybody's. */
export function isScrape(edge: Edge, mesh: string, namespace: string): boolean {
  return namespace !== mesh && edge.source?.namespace === mesh;
}

function columnsOf(history: History): (kind: Kind) => Column<Row>[] {
  const tail = [...requestColumns<Row>(), ...tcpColumns<Row>().slice(0, 1), historyColumn(history)];
  const status: Column<Row> = { id: "status", title: "Status", value: (row) => row.status, draw: (row) => <span class={row.status === "Running" ? "" : "is-odd"}>{row.status}</span> };
  const made = new Map<Kind, Column<Row>[]>();
  return (kind) => {
    const found = made.get(kind) ?? [nameColumn(words(kind).title.replace(/s$/, "")), ...(kind === "pod" ? [status] : []), ...(kind === "service" ? [] : [meshedColumn]), ...tail];
    made.set(kind, found);
    return found;
  };
}
