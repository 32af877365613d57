/** The results of `mesh check`, run when the reader asks for them. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { problemOf, type Problem } from "../connection";
import { clock } from "../format";
import type { Checked, CheckResults } from "../model";
import { href } from "../router";
import { Commands } from "./Command";
import { Notice } from "./Notices";

type Shown = { state: "idle" } | { state: "running" } | { state: "failed"; problem: Problem } | { state: "done"; at: number; results: CheckResults };

export function Checks(): JSX.Element {
  const [shown, setShown] = useState<Shown>({ state: "idle" });
  const run = async (): Promise<void> => {
    setShown({ state: "running" });
    try {
      const response = await fetch(href("/api/v1/check"), { cache: "no-store" });
      if (!response.ok) setShown({ state: "failed", problem: await problemOf(response) });
      else setShown({ state: "done", at: Date.now() / 1000, results: (await response.json()) as CheckResults });
    } catch {
      setShown({ state: "failed", problem: { error: "the dashboard does not answer", status: 0 } });
    }
  };
  return (
    <div class="checks">
      <p class="checks-head">
        <button type="button" class="secondary" onClick={run} disabled={shown.state === "running"}>{shown.state === "done" ? "Run again" : "Run the checks"}</button>
        <span role="status">{shown.state === "running" ? "checking" : shown.state === "done" ? `${summary(shown.results)}, at ${clock(shown.at)}` : ""}</span>
      </p>
      {shown.state === "failed" && (
        <Notice grade="bad"><strong>{shown.problem.error}</strong> {shown.problem.hint && <Commands text={shown.problem.hint} />}</Notice>
      )}
      {shown.state === "done" && <Results results={shown.results} />}
    </div>
  );
}

/** `40 passed, 1 warning, 2 failed`: what there is none of is left out. */
export function summary({ categories }: CheckResults): string {
  const all = categories.flatMap((one) => one.checks);
  const count = (result: Checked["result"]): number => all.filter((one) => one.result === result).length;
  const warnings = count("warning");
  return [
    `${count("success")} passed`,
    ...(warnings ? [`${warnings} ${warnings === 1 ? "warning" : "warnings"}`] : []),
    ...(count("error") ? [`${count("error")} failed`] : []),
  ].join(", ");
}

const SIGNS = { success: ["√", "good"], warning: ["‼", "warn"], error: ["×", "bad"] } as const;
const WORDS = { success: "passed", warning: "warning", error: "failed" } as const;

function Results({ results }: { results: CheckResults }): JSX.Element {
  return (
    <>
      {results.categories.map(({ categoryName, checks }) => (
        <details key={categoryName} class="check-category" open={checks.some((one) => one.result !== "success")}>
          <summary>{categoryName} <span class="elsewhere">{summary({ success: true, categories: [{ categoryName, checks }] })}</span></summary>
          <ul>{checks.map((one) => <Result key={one.description} checked={one} />)}</ul>
        </details>
      ))}
    </>
  );
}

function Result({ checked }: { checked: Checked }): JSX.Element {
  const [sign, grade] = SIGNS[checked.result];
  return (
    <li>
      <span class={`sign is-${grade}`} aria-hidden="true">{sign}</span><span class="unseen">{WORDS[checked.result]}: </span>
      {checked.description}
      {checked.error && <p class="check-error">{checked.error}</p>}
      {checked.advice && <p class="check-advice"><Commands text={checked.advice} /></p>}
    </li>
  );
}
