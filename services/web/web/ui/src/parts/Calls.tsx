/** Calls added up, as `mesh top` prints them; each leads to its single requests. */

import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { grade, latency, percent } from "../format";
import type { Order } from "../order";
import { Link } from "../router";
import { toQuery, type Question } from "../tap/question";
import { nameOf, successOf, type Call } from "../tap/tally";
import { PathText } from "./Requests";
import { Table, type Column } from "./Table";

interface Props {
  calls: Call[];
  /** What is tapped; a call's link asks for that call alone. */
  tapped: Question;
  start: Order;
  empty: string;
  hideSources?: boolean;
  routes?: boolean;
}

const textOf = (call: Call): string => `${call.source} ${call.destination} ${call.method} ${call.path}`;

export function CallsTable({ calls, tapped, start, empty, hideSources = false, routes = false }: Props): JSX.Element {
  const key = JSON.stringify(tapped);
  const columns = useMemo(() => columnsOf(tapped, hideSources, routes), [key, hideSources, routes]);
  return <Table caption="Calls" columns={columns} rows={calls} name={nameOf} text={textOf} start={start} empty={empty} />;
}

function columnsOf(tapped: Question, hideSources: boolean, routes: boolean): Column<Call>[] {
  const source: Column<Call> = { id: "source", title: "From", wide: true, value: (call) => call.source, draw: (call) => call.source };
  const method: Column<Call> = { id: "method", title: "Method", wide: true, value: (call) => call.method, draw: (call) => call.method };
  const tap: Column<Call> = {
    id: "tap",
    title: "Tap",
    wide: true,
    label: "These requests, one by one",
    draw: (call) => <Link to={`/tap${toQuery({ ...tapped, method: call.method, path: call.path }, true)}`} label={`Tap ${call.method} ${call.path}`}>Tap</Link>,
  };
  return [
    { id: "path", title: routes ? "Route" : "Path", value: (call) => call.path, draw: (call) => <PathText text={call.path} /> },
    ...(routes ? [] : [method]),
    ...(hideSources ? [] : [source]),
    { id: "destination", title: "To", wide: true, value: (call) => call.destination, draw: (call) => call.destination },
    { id: "count", title: "Count", numeric: true, value: (call) => call.count, draw: (call) => call.count },
    { id: "best", title: "Best", numeric: true, wide: true, label: "The shortest, from request to the response's end", value: (call) => call.best, draw: (call) => latency(call.best) },
    { id: "worst", title: "Worst", numeric: true, wide: true, label: "The longest", value: (call) => call.worst, draw: (call) => latency(call.worst) },
    { id: "last", title: "Last", numeric: true, wide: true, label: "The latest", value: (call) => call.last, draw: (call) => latency(call.last) },
    { id: "success", title: "Success", numeric: true, label: "Share of calls that did not fail", value: successOf, draw: (call) => <CallSuccess call={call} /> },
    ...(routes ? [] : [tap]),
  ];
}

function CallSuccess({ call }: { call: Call }): JSX.Element {
  return (
    <span class={`success is-${grade(successOf(call))}`}>
      <span class="dot" aria-hidden="true" />
      {percent(successOf(call))}
    </span>
  );
}
