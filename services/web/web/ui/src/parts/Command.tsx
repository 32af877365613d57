/** The `mesh` command that prints what is shown above it, to copy. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Copy } from "./Icons";

export function Command({ text }: { text: string }): JSX.Element {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (!said) return undefined;
    const timer = setTimeout(() => setSaid(""), 2000);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      setSaid("The browser does not let pages copy here; select the text");
    }
  };
  return (
    <p class="command">
      <span class="command-prompt" aria-hidden="true">$</span>
      <code>{text}</code>
      <button type="button" onClick={copy} aria-label={`Copy the command ${text}`} title="Copy">
        <Copy />
      </button>
      <span class="command-said" role="status">{said}</span>
    </p>
  );
}

/** A sentence whose commands stand in back-ticks. */
export function Commands({ text }: { text: string }): JSX.Element {
  return <>{text.split("`").map((part, index) => (index % 2 ? <code key={index}>{part}</code> : part))}</>;
}
