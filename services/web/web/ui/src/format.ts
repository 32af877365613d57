/** Numbers and moments as people read them; `mesh stat` writes them in the same way. */

export const NOTHING = "–";

export type Grade = "good" | "warn" | "bad" | "none";

/** Below 90 % is bad, below 95 % a warning. */
export function grade(success: number | null): Grade {
  if (success === null) return "none";
  return success < 0.9 ? "bad" : success < 0.95 ? "warn" : "good";
}

export function percent(share: number | null): string {
  return share === null ? NOTHING : `${(share * 100).toFixed(2)} %`;
}

export function rate(perSecond: number | null | undefined): string {
  if (perSecond === null || perSecond === undefined) return NOTHING;
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toFixed(1)}M`;
  if (perSecond >= 1e4) return `${(perSecond / 1e3).toFixed(1)}k`;
  return perSecond < 100 ? perSecond.toFixed(1) : perSecond.toFixed(0);
}

export function latency(milliseconds: number | null | undefined): string {
  if (milliseconds === null || milliseconds === undefined) return NOTHING;
  if (milliseconds >= 10_000) return `${(milliseconds / 1000).toFixed(0)} s`;
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return milliseconds < 10 ? `${milliseconds.toFixed(1)} ms` : `${milliseconds.toFixed(0)} ms`;
}

export function bytes(perSecond: number | null | undefined): string {
  if (perSecond === null || perSecond === undefined) return NOTHING;
  const units = ["B/s", "kB/s", "MB/s", "GB/s"];
  let value = perSecond;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit && value < 100 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`;
}

/** `3m 20s`, `2h 5m`, `4d`: the two largest units. */
export function span(seconds: number): string {
  const left = Math.max(0, Math.floor(seconds));
  const parts: [number, string][] = [
    [Math.floor(left / 86_400), "d"],
    [Math.floor(left / 3600) % 24, "h"],
    [Math.floor(left / 60) % 60, "m"],
    [left % 60, "s"],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first < 0) return "0s";
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join(" ");
}

/** The time of day of a moment in epoch seconds. */
export function clock(moment: number): string {
  return new Date(moment * 1000).toLocaleTimeString([], { hour12: false });
}

/** The time of day, with the day when that is not today. */
export function moment(at: number, now: number): string {
  const [day, today] = [new Date(at * 1000), new Date(now * 1000)];
  if (day.toDateString() === today.toDateString()) return clock(at);
  const two = (part: number): string => String(part).padStart(2, "0");
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())} ${clock(at)}`;
}

/** `web.emojivoto` of a workload's identity; other names unchanged. */
export function shortIdentity(identity: string): string {
  return identity.split(".serviceaccount.identity.")[0] ?? identity;
}

const REASONS: Record<string, string> = {
  no_tls_from_remote: "the sender has no identity",
  not_provided_by_service_discovery: "the receiver has no identity",
  not_provided_by_remote: "the receiver offers no mesh TLS",
  loopback: "it stays inside the pod",
  disabled: "identity is switched off",
  port_skipped: "the port is skipped",
  unknown: "the proxies do not say why",
};

/** Why an edge is not secured, in a sentence's end; words not known are shown as they are. */
export function explain(reason: string): string {
  return REASONS[reason] ?? reason.replaceAll("_", " ");
}
