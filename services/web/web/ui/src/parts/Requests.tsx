/** How single requests are written: their path, and how they ended. */

import type { JSX } from "preact";
import { grpcName } from "../tap/event";
import { failed, type Seen } from "../tap/requests";

/** A path; where there is too little room its end is what is seen, which says more than its beginning. */
export function PathText({ text }: { text: string }): JSX.Element {
  return <span class="path" title={text}><bdi>{text}</bdi></span>;
}

/** `200`, `200 · Unknown`, `reset`; nothing yet while it is under way. */
export function Verdict({ seen }: { seen: Seen }): JSX.Element {
  const bad = failed(seen);
  const grade = bad === null ? "none" : bad ? "bad" : "good";
  return (
    <span class={`success is-${grade}`}>
      <span class="dot" aria-hidden="true" />
      {verdict(seen)}
    </span>
  );
}

export function verdict({ response, end }: Seen): string {
  const words: string[] = response ? [String(response.status ?? 0)] : [];
  if (end?.grpcStatus !== undefined) words.push(grpcName(end.grpcStatus));
  if (end?.resetCode !== undefined) words.push(`reset ${end.resetCode}`);
  return words.join(" · ") || (end ? "no response" : "waiting");
}
