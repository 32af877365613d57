/** Which namespace a page is about; the choice is a place of its own. */

import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { go } from "../router";

interface Props {
  /** `/routes` */
  page: string;
  /** Empty: all. */
  namespace: string;
  namespaces: string[];
}

export function ChooseNamespace({ page, namespace, namespaces }: Props): JSX.Element {
  const id = useId();
  return (
    <p class="choose">
      <label for={id}>Namespace</label>
      <select id={id} value={namespace} onChange={(event) => go(event.currentTarget.value ? `${page}/${event.currentTarget.value}` : page)}>
        <option value="">all</option>
        {namespaces.map((one) => <option key={one} value={one}>{one}</option>)}
      </select>
    </p>
  );
}
