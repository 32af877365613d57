/** Requests as they happen: what is asked for, a table of the newest, one of them in full. */

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { clock, latency, NOTHING } from "../format";
import { useLive } from "../live";
import type { NamespacesPage, Row } from "../model";
import { Command } from "../parts/Command";
import { Frame } from "../parts/Page";
import { RequestDetail } from "../parts/RequestDetail";
import { PathText, Verdict } from "../parts/Requests";
import { Security } from "../parts/Stats";
import { Table, type Column } from "../parts/Table";
import { TapForm } from "../parts/TapForm";
import { TapNotices, TapState } from "../parts/TapState";
import { setQuery } from "../router";
import { farEnd, isOutbound, tls, who } from "../tap/event";
import { ask, commandOf, fromQuery, isAskable, toQuery, type Question } from "../tap/question";
import { Requests, waited, type Seen } from "../tap/requests";
import { useWatch } from "../tap/watch";

const rowsOf = (page: NamespacesPage): Row[] => page.rows;
const nameOf = (seen: Seen): string => seen.id;
const textOf = ({ begun }: Seen): string => `${who(farEnd(begun))} ${begun.requestInit?.method} ${begun.requestInit?.path}`;

export function Tap(): JSX.Element {
  const live = useLive<NamespacesPage>("/namespaces", rowsOf);
  const { question, setQuestion, running, start, stop, run } = useTapping();
  const requests = useMemo(() => new Requests(), [run]);
  const [chosen, choose] = useState<string | null>(null);
  const watch = useWatch(running && ask(running, true), requests);
  const columns = useMemo(() => columnsOf(choose), []);
  const detail = chosen === null ? undefined : requests.get(chosen);
  return (
    <Frame title="Tap" live={live} aside={<TapState watch={watch} />}>
      <TapForm question={question} onChange={setQuestion} running={running !== null} onStart={start} onStop={stop} namespaces={live.snapshot?.page.rows.map((row) => row.name) ?? []} />
      <Command text={commandOf("tap", question)} />
      <TapNotices watch={watch} />
      {run > 0 && (
        <div class={detail ? "beside" : ""}>
          <section aria-label="Requests">
            <p class="count" role="status">{requests.total === 0 ? "" : `${requests.total} requests seen`}</p>
            <Table caption="Requests" columns={columns} rows={requests.list()} name={nameOf} text={textOf} selected={chosen} empty={running ? "No request has been seen yet." : "No request was seen."} />
          </section>
          {detail && <RequestDetail seen={detail} onClose={() => choose(null)} />}
        </div>
      )}
    </Frame>
  );
}

interface Tapping {
  question: Question;
  setQuestion: (question: Question) => void;
  /** What is watched now. */
  running: Question | null;
  start: () => void;
  stop: () => void;
  /** Counts starts. */
  run: number;
}

/** A form that starts and stops, and that the address says again. */
export function useTapping(): Tapping {
  const [first] = useState(() => {
    const found = fromQuery(window.location.search);
    return { question: found.question, running: found.starts && isAskable(found.question) ? found.question : null };
  });
  const [question, setQuestion] = useState(first.question);
  const [{ running, run }, setRun] = useState({ running: first.running, run: first.running ? 1 : 0 });
  const say = (said: Question, starts: boolean): void => setQuery(toQuery(said, starts));
  return {
    question,
    running,
    run,
    setQuestion: (changed) => {
      setQuestion(changed);
      say(changed, false);
    },
    start: () => {
      setRun((before) => ({ running: question, run: before.run + 1 }));
      say(question, true);
    },
    stop: () => {
      setRun((before) => ({ ...before, running: null }));
      say(question, false);
    },
  };
}

function columnsOf(choose: (id: string) => void): Column<Seen>[] {
  return [
    {
      id: "at",
      title: "Seen",
      draw: (seen) => (
        <button type="button" class="open" onClick={() => choose(seen.id)} aria-label={`Details of the request of ${clock(seen.at)}, ${textOf(seen)}`}>
          {clock(seen.at)}
        </button>
      ),
    },
    { id: "direction", title: "Direction", wide: true, value: ({ begun }) => Number(isOutbound(begun)), draw: ({ begun }) => (isOutbound(begun) ? "sent to" : "received from") },
    { id: "peer", title: "Peer", wide: true, value: ({ begun }) => who(farEnd(begun)), draw: ({ begun }) => who(farEnd(begun)) },
    { id: "method", title: "Method", wide: true, value: ({ begun }) => begun.requestInit?.method ?? null, draw: ({ begun }) => begun.requestInit?.method ?? NOTHING },
    { id: "path", title: "Path", value: ({ begun }) => begun.requestInit?.path ?? null, draw: ({ begun }) => <PathText text={begun.requestInit?.path ?? ""} /> },
    { id: "status", title: "Status", value: (seen) => seen.response?.status ?? null, draw: (seen) => <Verdict seen={seen} /> },
    { id: "latency", title: "Latency", numeric: true, label: "Until the response began", value: waited, draw: (seen) => latency(waited(seen)) },
    { id: "tls", title: "TLS", wide: true, value: ({ begun }) => tls(begun), draw: ({ begun }) => <Security tls={tls(begun)} /> },
  ];
}
