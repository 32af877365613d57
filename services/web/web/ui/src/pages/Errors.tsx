/** What proxies answered or closed for a fault of late: what each number means and what to do, then one by one. */

import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { moment, span } from "../format";
import { useLive } from "../live";
import { key, type ErrorKind, type ErrorsPage, type ProxyError, type Row } from "../model";
import { ChooseNamespace } from "../parts/ChooseNamespace";
import { Command } from "../parts/Command";
import { Notice, useNow } from "../parts/Notices";
import { Page, Section } from "../parts/Page";
import { EndName } from "../parts/Stats";
import { Table, type Column } from "../parts/Table";

const noRows = (_: ErrorsPage): Row[] => [];
const textOf = (error: ProxyError): string => `${error.number} ${error.pod.namespace} ${error.pod.name} ${error.peer} ${error.route} ${error.endpoint} ${error.cause}`;

export function Errors({ namespace }: { namespace: string }): JSX.Element {
  const live = useLive<ErrorsPage>(namespace ? `/errors/${namespace}` : "/errors", noRows);
  return (
    <Page title={namespace ? `Errors in ${namespace}` : "Errors"} live={live} freshness={({ page }) => `asked of ${page.proxies} ${page.proxies === 1 ? "proxy" : "proxies"}`}>
      {({ page }) => (
        <>
          <ChooseNamespace page="/errors" namespace={namespace} namespaces={page.namespaces} />
          {page.unanswered.length > 0 && <Unanswered page={page} />}
          {page.errors.length === 0 ? (
            <p class="empty">No proxy remembers an error. Each keeps its last hundred, since it started.</p>
          ) : (
            <>
              <Section title="What they mean" id="kinds">
                {summaries(page).map((one) => <Kind key={one.kind.number} {...one} />)}
              </Section>
              <Section title="One by one" id="errors">
                <ErrorsTable page={page} namespace={namespace} />
              </Section>
            </>
          )}
          <Command text={namespace ? `mesh diagnostics why ns/${namespace}` : "mesh check --proxy"} />
        </>
      )}
    </Page>
  );
}

export interface Summary {
  kind: ErrorKind;
  count: number;
  /** Epoch seconds. */
  last: number;
  /** How many proxies met it. */
  pods: number;
}

/** The numbers that are there, the one met last first. */
export function summaries({ errors, kinds }: Pick<ErrorsPage, "errors" | "kinds">): Summary[] {
  return kinds
    .map((kind) => {
      const met = errors.filter((error) => error.number === kind.number);
      return { kind, count: met.reduce((sum, error) => sum + error.count, 0), last: Math.max(...met.map((error) => error.at)), pods: new Set(met.map((error) => key(error.pod))).size };
    })
    .sort((one, other) => other.last - one.last);
}

function Kind({ kind, count, last, pods }: Summary): JSX.Element {
  const now = useNow();
  return (
    <article class="error-kind" id={`error-${kind.number}`} tabIndex={-1} aria-label={`Error ${kind.number}`}>
      <h3><span class="number">{kind.number}</span> {kind.name}</h3>
      <p class="when">{count === 1 ? "once" : `${count} times`} at {pods === 1 ? "one pod" : `${pods} pods`}, last {moment(last, now)} ({span(now - last)} ago)</p>
      <p>{kind.meaning}</p>
      <dl class="facts">
        <dt>Likely cause</dt><dd>{kind.causes}</dd>
        <dt>What to do</dt><dd><strong>{kind.advice}</strong></dd>
      </dl>
    </article>
  );
}

function ErrorsTable({ page, namespace }: { page: ErrorsPage; namespace: string }): JSX.Element {
  const columns = useMemo<Column<ProxyError>[]>(() => {
    const names = new Map(page.kinds.map((kind) => [kind.number, kind.name]));
    return [
      { id: "at", title: "Last", value: (error) => error.at, draw: (error) => moment(error.at, Date.now() / 1000) },
      { id: "number", title: "Error", value: (error) => error.number, draw: (error) => <a href={`#error-${error.number}`}>{error.number} {names.get(error.number)}</a> },
      { id: "count", title: "Times", numeric: true, value: (error) => error.count, draw: (error) => <span title={`since ${moment(error.first, Date.now() / 1000)}`}>{error.count}</span> },
      { id: "pod", title: "Pod", value: (error) => key(error.pod), draw: (error) => <EndName end={error.pod} from={namespace} /> },
      { id: "side", title: "Side", wide: true, value: (error) => error.side, draw: (error) => (error.side === "inbound" ? "received from" : "sent to") },
      { id: "peer", title: "Peer", wide: true, value: (error) => error.peer, draw: (error) => error.peer },
      { id: "cause", title: "What happened", draw: (error) => <span class="cause" title={error.cause}>{error.cause}</span> },
    ];
  }, [page.kinds.length, namespace]);
  return <Table caption="Errors" columns={columns} rows={page.errors} name={nameOf} text={textOf} start={{ column: "at", falling: true }} />;
}

function nameOf(error: ProxyError): string {
  return `${key(error.pod)} ${error.at} ${error.number} ${error.side} ${error.peer} ${error.cause}`;
}

const SHOWN = 5;

function Unanswered({ page: { unanswered, proxies } }: { page: ErrorsPage }): JSX.Element {
  return (
    <Notice grade="warn">
      <strong>{unanswered.length} of {proxies} proxies did not answer:</strong>{" "}
      {unanswered.slice(0, SHOWN).map(({ pod, reason }) => `${pod.namespace}/${pod.name} (${reason})`).join("; ")}
      {unanswered.length > SHOWN && ` and ${unanswered.length - SHOWN} more`}
    </Notice>
  );
}
