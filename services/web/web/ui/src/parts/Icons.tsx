/** Drawings of one size and stroke. They are decoration: what they mean is always said beside them. */

import type { ComponentChildren, JSX } from "preact";

function Icon({ children, name }: { children: ComponentChildren; name: string }): JSX.Element {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      {children}
    </svg>
  );
}

export const Locked = (): JSX.Element => (
  <Icon name="locked">
    <rect x="3" y="7" width="10" height="7" rx="1.5" />
    <path d="M5 7V5a3 3 0 0 1 6 0v2" />
  </Icon>
);

export const Unlocked = (): JSX.Element => (
  <Icon name="unlocked">
    <rect x="3" y="7" width="10" height="7" rx="1.5" />
    <path d="M5 7V5a3 3 0 0 1 5.6-1.5" />
  </Icon>
);

export const Copy = (): JSX.Element => (
  <Icon name="copy">
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
    <path d="M3 10.5A1 1 0 0 1 2.5 9.6V4a1.5 1.5 0 0 1 1.5-1.5h5.6a1 1 0 0 1 .9.5" />
  </Icon>
);

export const Close = (): JSX.Element => (
  <Icon name="close">
    <path d="M4 4l8 8M12 4l-8 8" />
  </Icon>
);

export const Warning = (): JSX.Element => (
  <Icon name="warning">
    <path d="M8 2.2 14.5 13.5h-13z" />
    <path d="M8 6.5v3.2M8 11.6v.1" />
  </Icon>
);

export const Light = (): JSX.Element => (
  <Icon name="light">
    <circle cx="8" cy="8" r="3" />
    <path d="M8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9" />
  </Icon>
);

export const Dark = (): JSX.Element => (
  <Icon name="dark">
    <path d="M13 9.8A5.6 5.6 0 0 1 6.2 3 5.6 5.6 0 1 0 13 9.8z" />
  </Icon>
);

export const System = (): JSX.Element => (
  <Icon name="system">
    <circle cx="8" cy="8" r="5.5" />
    <path d="M8 2.5v11a5.5 5.5 0 0 0 0-11z" fill="currentColor" stroke="none" />
  </Icon>
);

export const Mark = (): JSX.Element => (
  <svg class="mark" viewBox="0 0 32 32" width="24" height="24" fill="none" stroke-width="5" stroke-linecap="round" aria-hidden="true">
    <path class="mark-weft" d="M4 10h10m8 0h6M4 22h4m8 0h12" />
    <path class="mark-warp" d="M10 4v4m0 8v12M22 4v14m0 8v2" />
  </svg>
);
