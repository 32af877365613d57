/** The mesh itself: its components, the proxies out there, and those that cannot be read. */

import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { clock, NOTHING, span } from "../format";
import { useLive } from "../live";
import type { Component, ControlPlanePage, Row } from "../model";
import { Checks } from "../parts/Checks";
import { Command } from "../parts/Command";
import { useNow } from "../parts/Notices";
import { Page, Section } from "../parts/Page";
import { historyColumn, meshedColumn, nameColumn, requestColumns } from "../parts/Stats";
import { Table, type Column } from "../parts/Table";

const rowsOf = (page: ControlPlanePage): Row[] => page.rows;
const nameOf = (row: Row): string => row.name;

export function ControlPlane(): JSX.Element {
  const live = useLive<ControlPlanePage>("/controlplane", rowsOf);
  const traffic = useMemo<Column<Row>[]>(() => [nameColumn("Deployment"), meshedColumn, ...requestColumns<Row>(), historyColumn(live.history)], [live.history]);
  return (
    <Page title="Control plane" live={live}>
      {({ page, mesh, version }) => (
        <>
          <dl class="tiles">
            <div><dt>Version</dt><dd>{version}</dd></div>
            <div><dt>Namespace</dt><dd>{mesh}</dd></div>
            <div><dt>Components up</dt><dd>{page.components.filter((one) => one.downSince === null).length}/{page.components.length}</dd></div>
            <div><dt>Proxies</dt><dd>{page.proxies.reduce((sum, one) => sum + one.pods, 0)}</dd></div>
          </dl>
          <Section title="Components">
            <ComponentsTable components={page.components} />
            <Command text={`mesh stat po -n ${mesh}`} />
          </Section>
          <Section title="Checks" id="checks">
            <Checks />
            <Command text="mesh check --proxy" />
          </Section>
          <Section title="Its traffic">
            <Table caption="Its traffic" columns={traffic} rows={page.rows} name={nameOf} empty="The control plane has no deployments." />
            <Command text={`mesh stat deploy -n ${mesh}`} />
          </Section>
          <Section title="Proxies by version">
            <Table caption="Proxies by version" columns={VERSIONS} rows={page.proxies} name={(one) => one.version} empty="No pod is in the mesh yet." />
            <Command text="mesh check --proxy" />
          </Section>
          {page.failing.length > 0 && (
            <Section title="Proxies whose metrics cannot be read">
              <Table caption="Proxies whose metrics cannot be read" columns={FAILING} rows={page.failing} name={(one) => one.pod} text={(one) => `${one.pod} ${one.reason}`} />
              <Command text="mesh check --proxy" />
            </Section>
          )}
        </>
      )}
    </Page>
  );
}

function ComponentsTable({ components }: { components: Component[] }): JSX.Element {
  const now = useNow();
  const columns: Column<Component>[] = [
    { id: "name", title: "Component", value: (one) => one.name, draw: (one) => one.name },
    { id: "state", title: "State", value: (one) => Number(one.downSince !== null), draw: (one) => <State component={one} now={now} /> },
    { id: "ready", title: "Ready", numeric: true, label: "Pods that are ready, of all", draw: (one) => `${one.pods.filter((pod) => pod.ready).length}/${one.pods.length}` },
    { id: "version", title: "Version", draw: (one) => distinct(one.pods.map((pod) => pod.version)) },
    { id: "proxy", title: "Proxy", wide: true, draw: (one) => distinct(one.pods.map((pod) => pod.proxyVersion)) },
    { id: "restarts", title: "Restarts", numeric: true, wide: true, draw: (one) => one.pods.reduce((sum, pod) => sum + pod.restarts, 0) },
    { id: "age", title: "Age", numeric: true, wide: true, draw: (one) => age(one, now) },
  ];
  return <Table caption="Components" columns={columns} rows={components} name={(one) => one.name} />;
}

function State({ component, now }: { component: Component; now: number }): JSX.Element {
  if (component.downSince === null) return <span class="success is-good"><span class="dot" aria-hidden="true" />up</span>;
  const why = component.pods.map((pod) => pod.status).find((status) => status !== "Running");
  return (
    <span class="success is-bad">
      <span class="dot" aria-hidden="true" />
      down since {clock(component.downSince)} ({span(now - component.downSince)}){component.pods.length ? (why ? `: ${why}` : "") : ": it has no pods"}
    </span>
  );
}

function distinct(found: string[]): string {
  return [...new Set(found.filter(Boolean))].join(", ") || NOTHING;
}

function age(component: Component, now: number): string {
  const started = component.pods.flatMap((pod) => (pod.started === null ? [] : [pod.started]));
  return started.length ? span(now - Math.min(...started)) : NOTHING;
}

const VERSIONS: Column<ControlPlanePage["proxies"][number]>[] = [
  { id: "version", title: "Version", value: (one) => one.version, draw: (one) => one.version || "not said" },
  { id: "pods", title: "Pods", numeric: true, value: (one) => one.pods, draw: (one) => one.pods },
];

const FAILING: Column<ControlPlanePage["failing"][number]>[] = [
  { id: "pod", title: "Pod", value: (one) => one.pod, draw: (one) => one.pod },
  { id: "reason", title: "Why", draw: (one) => one.reason },
];
