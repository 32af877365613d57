/** Which calls are most frequent, live, and how they fare. */

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { useLive } from "../live";
import type { NamespacesPage, Row } from "../model";
import { CallsTable } from "../parts/Calls";
import { Command } from "../parts/Command";
import { Frame } from "../parts/Page";
import { TapForm } from "../parts/TapForm";
import { TapNotices, TapState } from "../parts/TapState";
import { ask, commandOf } from "../tap/question";
import { tallySink } from "../tap/sink";
import { Tally } from "../tap/tally";
import { useWatch } from "../tap/watch";
import { useTapping } from "./Tap";

const rowsOf = (page: NamespacesPage): Row[] => page.rows;

export function Top(): JSX.Element {
  const live = useLive<NamespacesPage>("/namespaces", rowsOf);
  const { question, setQuestion, running, start, stop, run } = useTapping();
  const [hideSources, setHideSources] = useState(false);
  const [routes, setRoutes] = useState(false);
  const tally = useMemo(() => new Tally({ hideSources, routes }), [run, hideSources, routes]);
  const sink = useMemo(() => tallySink(tally), [tally]);
  const watch = useWatch(running && ask(running, false), sink);
  const flags = [...(hideSources ? ["--hide-sources"] : []), ...(routes ? ["--routes"] : [])];
  return (
    <Frame title="Top" live={live} aside={<TapState watch={watch} />}>
      <TapForm question={question} onChange={setQuestion} running={running !== null} onStart={start} onStop={stop} namespaces={live.snapshot?.page.rows.map((row) => row.name) ?? []}>
        <label class="choice"><input type="checkbox" checked={hideSources} onChange={(event) => setHideSources(event.currentTarget.checked)} /> Add up all sources</label>
        <label class="choice"><input type="checkbox" checked={routes} onChange={(event) => setRoutes(event.currentTarget.checked)} /> By route</label>
      </TapForm>
      <Command text={commandOf("top", question, flags)} />
      <TapNotices watch={watch} />
      {run > 0 && (
        <section aria-label="Calls">
          <CallsTable calls={tally.list()} tapped={question} start={{ column: "count", falling: true }} hideSources={hideSources} routes={routes} empty={running ? "No call has been completed yet." : "No call was seen."} />
        </section>
      )}
    </Frame>
  );
}
