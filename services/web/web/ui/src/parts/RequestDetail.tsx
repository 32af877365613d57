/** One request in full: both ends, what the proxy knows of them, its times and headers. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { latency, NOTHING } from "../format";
import { address, grpcName, isOutbound, milliseconds, tls, who, type Header, type Peer } from "../tap/event";
import { type Seen } from "../tap/requests";
import { Close } from "./Icons";
import { Verdict } from "./Requests";
import { Security } from "./Stats";

export function RequestDetail({ seen, onClose }: { seen: Seen; onClose: () => void }): JSX.Element {
  const { begun, response, end } = seen;
  const init = begun.requestInit ?? {};
  const top = useRef<HTMLHeadingElement>(null);
  useEffect(() => top.current?.focus({ preventScroll: true }), [seen.id]);
  return (
    <aside class="detail" aria-label="One request" onKeyDown={(event) => event.key === "Escape" && onClose()}>
      <header>
        <h2 ref={top} tabIndex={-1}>{init.method} <span class="detail-path">{init.path}</span></h2>
        <button type="button" class="close" onClick={onClose} aria-label="Close the details"><Close /></button>
      </header>
      <dl class="facts">
        <dt>Ended as</dt><dd><Verdict seen={seen} /></dd>
        <dt>Seen by</dt><dd>the proxy of {begun.pod}, which {isOutbound(begun) ? "sent" : "received"} it</dd>
        <dt>From</dt><dd><End peer={begun.source} /></dd>
        <dt>To</dt><dd><End peer={begun.destination} /></dd>
        <dt>TLS</dt><dd><Security tls={tls(begun)} /></dd>
        <dt>Authority</dt><dd>{init.authority || NOTHING}</dd>
        <dt>Route</dt><dd>{begun.route?.route_name ?? begun.route?.route ?? NOTHING}</dd>
        <dt>Responded after</dt><dd>{response ? latency(milliseconds(response.sinceRequest)) : NOTHING}</dd>
        <dt>Ended after</dt><dd>{end ? latency(milliseconds(end.sinceRequest)) : NOTHING}</dd>
        <dt>Body</dt><dd>{end ? `${end.responseBytes ?? 0} bytes` : NOTHING}</dd>
        {end?.grpcStatus !== undefined && <><dt>gRPC status</dt><dd>{end.grpcStatus} {grpcName(end.grpcStatus)}</dd></>}
        {end?.resetCode !== undefined && <><dt>Reset with</dt><dd>{end.resetCode}</dd></>}
      </dl>
      <Headers title="Request headers" headers={init.headers} />
      <Headers title="Response headers" headers={response?.headers} />
      <Headers title="Trailers" headers={end?.trailers} />
    </aside>
  );
}

function End({ peer }: { peer: Peer | undefined }): JSX.Element {
  const labels = peer?.labels ?? {};
  const identity = labels.client_id ?? labels.server_id;
  return (
    <>
      <strong>{who(peer)}</strong>{labels.namespace && ` in ${labels.namespace}`}
      <span class="small">{[labels.pod, address(peer)].filter(Boolean).join(", ")}</span>
      {identity && <span class="small">{identity}</span>}
    </>
  );
}

function Headers({ title, headers }: { title: string; headers: Header[] | undefined }): JSX.Element | null {
  if (!headers?.length) return null;
  return (
    <>
      <h3>{title}</h3>
      <dl class="headers">
        {headers.map((header, index) => (
          <div key={index}>
            <dt>{header.name}</dt>
            <dd>{header.redacted ? <em>held back</em> : (header.text ?? <span title="bytes, in base64">{header.binary}</span>)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
