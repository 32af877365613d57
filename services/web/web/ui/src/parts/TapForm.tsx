/** The question of Tap and Top, as `mesh tap` takes it. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { argument } from "../kinds";
import type { NamespacePage, Snapshot } from "../model";
import { href } from "../router";
import { DEFAULT_RPS, METHODS, problems, type Question } from "../tap/question";

interface Props {
  question: Question;
  onChange: (question: Question) => void;
  running: boolean;
  onStart: () => void;
  onStop: () => void;
  /** To choose from. */
  namespaces: string[];
  /** More choices. */
  children?: ComponentChildren;
}

type Name = keyof Question;

const FILTERS: Name[] = ["to", "toNamespace", "method", "path", "authority", "scheme", "maxRps"];

export function TapForm({ question, onChange, running, onStart, onStop, namespaces, children }: Props): JSX.Element {
  const [tried, setTried] = useState(false);
  const own = useResources(question.namespace, namespaces);
  const others = useResources(question.toNamespace || question.namespace, namespaces);
  const wrong = problems(question);
  const field = (name: Name, title: string, more: Partial<FieldProps> = {}): JSX.Element => (
    <Field title={title} value={question[name]} wrong={tried ? wrong[name] : undefined} onChange={(text) => onChange({ ...question, [name]: text })} {...more} />
  );
  const start = (): void => {
    setTried(true);
    if (!Object.keys(wrong).length) onStart();
  };
  const filtered = FILTERS.filter((name) => question[name]);
  const [open] = useState(filtered.length > 0);
  return (
    <form
      class="tap-form"
      onSubmit={(event) => {
        event.preventDefault();
        start();
      }}
    >
      <div class="fields">
        {field("namespace", "Namespace", { from: namespaces })}
        {field("resource", "Resource", { from: own, hint: "all of it" })}
        <div class="actions">
          <button type="submit" class="primary">{running ? "Start again" : "Start"}</button>
          <button type="button" class="secondary" onClick={onStop} disabled={!running}>Stop</button>
        </div>
      </div>
      <details open={open}>
        <summary>Filters{filtered.length ? ` (${filtered.length})` : ""}</summary>
        <div class="fields">
          {field("to", "To", { from: others, hint: "anybody" })}
          {field("toNamespace", "To namespace", { from: namespaces, hint: "the same" })}
          {field("method", "Method", { from: METHODS, hint: "any" })}
          {field("path", "Path begins with", { hint: "anything" })}
          {field("authority", "Authority", { hint: "any" })}
          {field("scheme", "Scheme", { from: ["http", "https"], hint: "any" })}
          {field("maxRps", "At most, per second", { hint: String(DEFAULT_RPS), numeric: true })}
        </div>
      </details>
      {children && <div class="choices">{children}</div>}
    </form>
  );
}

interface FieldProps {
  title: string;
  value: string;
  onChange: (text: string) => void;
  wrong: string | undefined;
  from: string[];
  hint: string;
  numeric: boolean;
}

function Field({ title, value, onChange, wrong, from = [], hint = "", numeric = false }: Partial<FieldProps> & Pick<FieldProps, "title" | "value" | "onChange">): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{title}</label>
      <input
        id={id}
        value={value}
        placeholder={hint}
        list={from.length ? `${id}-list` : undefined}
        inputMode={numeric ? "decimal" : undefined}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        aria-invalid={wrong ? true : undefined}
        aria-describedby={wrong ? `${id}-wrong` : undefined}
        onInput={(event) => onChange(event.currentTarget.value.trim())}
      />
      {from.length > 0 && <datalist id={`${id}-list`}>{from.map((one) => <option key={one} value={one} />)}</datalist>}
      {wrong && <p id={`${id}-wrong`} class="wrong" role="alert">{wrong}</p>}
    </div>
  );
}

/** Every resource of a namespace, as `mesh` takes them; empty when it cannot be had, for the field takes any text. */
function useResources(wanted: string, namespaces: string[]): string[] {
  const namespace = namespaces.includes(wanted) ? wanted : "";
  const [found, setFound] = useState<{ namespace: string; names: string[] }>({ namespace: "", names: [] });
  useEffect(() => {
    if (!namespace) return undefined;
    const abort = new AbortController();
    const load = async (): Promise<void> => {
      try {
        const response = await fetch(href(`/api/v1/pages/namespaces/${namespace}`), { signal: abort.signal });
        if (!response.ok) return;
        const { page } = (await response.json()) as Snapshot<NamespacePage>;
        setFound({ namespace, names: page.rows.map(argument) });
      } catch {
        // without suggestions, then
      }
    };
    void load();
    return () => abort.abort();
  }, [namespace]);
  return found.namespace === namespace ? found.names : [];
}
