/** What a workload is asked and asks right now, the worst first. */

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { argument } from "../kinds";
import type { Ref } from "../model";
import { Link } from "../router";
import { ask, BLANK, commandOf, toQuery, type Question } from "../tap/question";
import { tallySink } from "../tap/sink";
import { Tally } from "../tap/tally";
import { useWatch } from "../tap/watch";
import { CallsTable } from "./Calls";
import { Command } from "./Command";
import { TapNotices, TapState } from "./TapState";

export function LiveCalls({ of }: { of: Ref }): JSX.Element {
  const question: Question = { ...BLANK, namespace: of.namespace, resource: argument(of) };
  const [running, setRunning] = useState(true);
  const tally = useMemo(() => new Tally(), []);
  const sink = useMemo(() => tallySink(tally), [tally]);
  const watch = useWatch(running ? ask(question, false) : null, sink);
  const calls = tally.list();
  return (
    <section aria-label="Live calls" id="live">
      <div class="live-head">
        <h2>Live calls</h2>
        <TapState watch={watch} />
        <span class="links">
          <button type="button" onClick={() => setRunning(!running)}>{running ? "Stop watching" : "Watch"}</button>
          <Link to={`/tap${toQuery(question, true)}`}>Single requests</Link>
        </span>
      </div>
      <TapNotices watch={watch} />
      {(watch.state !== "refused" || calls.length > 0) && (
        <CallsTable calls={calls} tapped={question} start={{ column: "success", falling: false }} empty={running ? "No call has been completed yet." : "No call was seen."} />
      )}
      <Command text={commandOf("top", question)} />
    </section>
  );
}
