/** Who talks to whom, with both identities, or why there are none. */

import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { key, type Edge } from "../model";
import { edgeName, EndName, requestColumns, Secured, tcpColumns } from "./Stats";
import { Table, type Column } from "./Table";

const textOf = (edge: Edge): string => `${edge.source?.name ?? ""} ${edge.target.name} ${edge.clientId} ${edge.serverId}`;

export function EdgesTable({ edges, namespace }: { edges: Edge[]; namespace: string }): JSX.Element {
  const columns = useMemo<Column<Edge>[]>(
    () => [
      { id: "source", title: "From", value: (edge) => (edge.source ? key(edge.source) : null), draw: (edge) => <EndName end={edge.source} from={namespace} /> },
      { id: "target", title: "To", value: (edge) => key(edge.target), draw: (edge) => <EndName end={edge.target} from={namespace} /> },
      { id: "secured", title: "Secured", value: (edge) => Number(edge.secured), draw: (edge) => <Secured edge={edge} /> },
      ...requestColumns<Edge>(),
      ...tcpColumns<Edge>().slice(0, 1),
    ],
    [namespace],
  );
  return <Table caption="Edges" columns={columns} rows={edges} name={edgeName} text={textOf} empty="No traffic was seen." />;
}
