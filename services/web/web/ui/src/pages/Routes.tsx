/** How every route does: those that clients take to services, and those that workloads serve. */

import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { rate } from "../format";
import { useLive } from "../live";
import { key, type Policy, type RouteRow, type RoutesPage, type Row } from "../model";
import { ChooseNamespace } from "../parts/ChooseNamespace";
import { Command } from "../parts/Command";
import { Page, Section } from "../parts/Page";
import { EndName, requestColumns, Success } from "../parts/Stats";
import { Table, type Column } from "../parts/Table";

const noRows = (_: RoutesPage): Row[] => [];

export function Routes({ namespace }: { namespace: string }): JSX.Element {
  const live = useLive<RoutesPage>(namespace ? `/routes/${namespace}` : "/routes", noRows);
  const title = namespace ? `Routes in ${namespace}` : "Routes";
  return (
    <Page title={title} live={live}>
      {({ page }) => (
        <>
          <ChooseNamespace page="/routes" namespace={namespace} namespaces={page.namespaces} />
          <Section title="Taken to services" id="outbound">
            <RoutesTable caption="Taken to services" rows={page.routes.filter((one) => one.direction === "outbound")} namespace={namespace} empty="No meshed client has sent a request to a service here lately." />
            {namespace && <Command text={`mesh routes svc -n ${namespace} -o wide`} />}
          </Section>
          <Section title="Served by workloads" id="inbound">
            <RoutesTable caption="Served by workloads" rows={page.routes.filter((one) => one.direction === "inbound")} namespace={namespace} empty="No meshed workload has answered a request here lately." />
            {namespace && <Command text={`mesh routes deploy -n ${namespace}`} />}
          </Section>
        </>
      )}
    </Page>
  );
}

interface TableProps {
  caption: string;
  rows: RouteRow[];
  namespace: string;
  empty: string;
}

function RoutesTable({ caption, rows, namespace, empty }: TableProps): JSX.Element {
  const retried = rows.some(isRetried);
  const columns = useMemo(() => columnsOf(namespace, retried), [namespace, retried]);
  return <Table caption={caption} columns={columns} rows={rows} name={nameOf} text={nameOf} start={{ column: "success", falling: false }} empty={empty} />;
}

/** Whether more was tried than asked, so that the tries are worth columns of their own. */
export function isRetried({ requests, actual }: RouteRow): boolean {
  return requests !== null && actual !== null && actual.success + actual.failure > requests.success + requests.failure;
}

export function nameOf(row: RouteRow): string {
  return `${key(row.resource)} ${policyName(row.parent)}:${row.parent.port} ${row.route.kind} ${policyName(row.route)}`;
}

function policyName(policy: Policy): string {
  if (policy.name) return policy.name;
  return policy.kind === "ServiceProfile" ? "[DEFAULT]" : policy.kind || "default";
}

function columnsOf(namespace: string, retried: boolean): Column<RouteRow>[] {
  const success: (row: RouteRow) => number | null = ({ actual }) => (actual ? actual.success / (actual.success + actual.failure) : null);
  const tries: Column<RouteRow>[] = [
    { id: "tried", title: "Each try", numeric: true, wide: true, label: "Success rate of single tries", value: success, draw: (row) => <Success requests={row.actual} /> },
    { id: "tries", title: "Tries/s", numeric: true, wide: true, label: "Tries per second", value: (row) => row.actual?.rps ?? null, draw: (row) => rate(row.actual?.rps) },
  ];
  return [
    {
      id: "route",
      title: "Route",
      value: (row) => policyName(row.route),
      draw: ({ route }) => <>{policyName(route)}{route.name && route.kind !== "default" && <span class="elsewhere"> {route.kind}</span>}</>,
    },
    { id: "resource", title: "Of", value: (row) => key(row.resource), draw: (row) => <EndName end={row.resource} from={namespace} /> },
    { id: "parent", title: "On", wide: true, label: "The Service or Server it belongs to", value: (row) => policyName(row.parent), draw: ({ parent }) => parentText(parent) },
    ...requestColumns<RouteRow>(),
    ...(retried ? tries : []),
  ];
}

function parentText(parent: Policy): string {
  return `${policyName(parent)}${parent.port ? `:${parent.port}` : ""}`;
}
