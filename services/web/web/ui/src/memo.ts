/** A component that is drawn again only when its properties change. */

import { Component, type ComponentType, type FunctionComponent, h } from "preact";

export function memo<P extends object>(draw: FunctionComponent<P>): ComponentType<P> {
  return class extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const before = this.props as Record<string, unknown>;
      const after = next as Record<string, unknown>;
      return [...Object.keys(before), ...Object.keys(after)].some((name) => before[name] !== after[name]);
    }

    override render() {
      return h(draw, this.props as P);
    }
  };
}
