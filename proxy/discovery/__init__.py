"""What the control plane has told about destinations, as plain values the data path reads.

- `endpoints`  who serves a name right now: `Endpoint`, and `EndpointSet`, a cell that changes
- `profile`    what a destination address is: a Service, an endpoint, opaque or not
- `policy`     how to treat traffic for it: protocol, routes, backends, queues, retries
- `cache`      `Discovery`: address -> `Target`, authority -> `EndpointSet`; starts and ends look-ups

Nothing here knows that a gRPC stream exists; `proxy.control` feeds these cells.
"""
