"""The sidecar: every byte that enters or leaves a pod's application passes through here.

The path of a request:

1. `inbound.accept`, `outbound.accept`   a connection arrives, redirected; `net.orig_dst` says where it was going
2. `discovery.cache`, `authz.store`      what is known of that address: profile, policy, who may come in
3. `detect`                              the first bytes: mesh TLS, HTTP/1, HTTP/2 or none of them
4. `codec`                               bytes become requests; no sockets in there
5. `stack`                               route, filters, timeout, retry, budget, limit: one idea per file
6. `balance`                             which endpoint: the less loaded of two, unless its breaker is shut
7. `net.pool`                            a mutual-TLS connection to it, insisting on the promised name
8. `telemetry`, `tap`                    the response climbs back and is counted, timed and shown

Beside that path: `identity` obtains and renews the certificate, `control` listens to the control
plane and feeds `discovery`, `authz` and `identity` with plain values, `admin` answers operators,
`redirect` is the init container's job, `gateway` sends on what other clusters' proxies bring. `app`
composes all of it. `net.reactor` is the loop it runs on; everything on the path is a plain call on
that loop, everything else a trio task beside it.
"""
