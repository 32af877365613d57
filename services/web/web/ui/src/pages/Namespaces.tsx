/** The front page: every namespace, its share of meshed pods, and how its requests fare. */

import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { useLive } from "../live";
import type { NamespacesPage, Row } from "../model";
import { Command } from "../parts/Command";
import { Page } from "../parts/Page";
import { historyColumn, meshedColumn, nameColumn, requestColumns, tcpColumns } from "../parts/Stats";
import { Table, type Column } from "../parts/Table";

const rowsOf = (page: NamespacesPage): Row[] => page.rows;
const nameOf = (row: Row): string => row.name;

export function Namespaces(): JSX.Element {
  const live = useLive<NamespacesPage>("/namespaces", rowsOf);
  const columns = useMemo<Column<Row>[]>(
    () => [nameColumn("Namespace"), meshedColumn, ...requestColumns<Row>(), ...tcpColumns<Row>().slice(0, 1), historyColumn(live.history)],
    [live.history],
  );
  return (
    <Page title="Namespaces" live={live}>
      {({ page }) => (
        <section aria-label="Namespaces">
          <Table caption="Namespaces" columns={columns} rows={page.rows} name={nameOf} text={nameOf} start={{ column: "name", falling: false }} empty="There are no namespaces to see." />
          <Command text="mesh stat ns --unmeshed" />
          {page.rows.every((row) => !row.pods?.meshed) && (
            <p class="hint">
              No pod is in the mesh yet. To add a namespace: <code>mesh inject</code> its manifests, or annotate it with <code>linkerd.io/inject=enabled</code> and restart
              its workloads.
            </p>
          )}
        </section>
      )}
    </Page>
  );
}
