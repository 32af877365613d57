/** Events as the tap API sends them: inbound from the bot to web, or outbound from web to voting. */

import type { TapEvent } from "../src/tap/event";

const BOT = { namespace: "emojivoto", pod: "vote-bot-1", deployment: "vote-bot", tls: "true" };
const WEB = { namespace: "emojivoto", pod: "web-1", deployment: "web" };
const VOTING = { namespace: "emojivoto", pod: "voting-1", deployment: "voting", tls: "true" };
export const DOUGHNUT = "/emojivoto.v1.VotingService/VoteDoughnut";

export interface How {
  id?: string;
  path?: string;
  method?: string;
  outbound?: boolean;
  status?: number;
  seconds?: number;
  end?: Partial<NonNullable<TapEvent["responseEnd"]>>;
}

export function call({ id = "1:0", path = "/api/vote", method = "GET", outbound = false, status = 200, seconds = 0.002, end = {} }: How = {}): [TapEvent, TapEvent, TapEvent] {
  const ends: TapEvent = {
    pod: "emojivoto/web-1",
    direction: outbound ? "OUTBOUND" : "INBOUND",
    id,
    source: { ip: "10.0.0.1", port: 41000, labels: outbound ? { ...WEB, tls: "loopback" } : BOT },
    destination: { ip: "10.0.0.2", port: 8080, labels: outbound ? VOTING : WEB },
    route: { route: "default", route_kind: "default" },
  };
  return [
    { ...ends, requestInit: { method, scheme: "http", authority: "web:80", path } },
    { ...ends, responseInit: { sinceRequest: "0.001234s", status } },
    { ...ends, responseEnd: { sinceRequest: `${seconds.toFixed(6)}s`, sinceResponse: "0.000012s", responseBytes: "5", ...end } },
  ];
}
