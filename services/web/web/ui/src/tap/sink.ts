/** Events into a tally. */

import type { Tally } from "./tally";
import type { Sink } from "./watch";

export function tallySink(tally: Tally): Sink {
  return {
    add: (event) => tally.add(event),
    started: (pods) => {
      tally.watched = new Set(pods);
    },
  };
}
