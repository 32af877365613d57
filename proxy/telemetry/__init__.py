"""What the proxy counts, and how it is told to Prometheus.

- `registry`    families by name, their children by labels, and the label budget
- `exposition`  the text format: escaping, HELP and TYPE, cumulative buckets
- `labels`      the label groups of Linkerd's metrics: direction, peer, target, TLS
- `request`     counters and latencies of HTTP requests, resolved once per route and endpoint
- `frames`      how large the pieces of bodies are
- `waits`       how long responses took from the end of their request
- `transport`   counters of one kind of connection
- `identity`    when the certificate was refreshed and when it ends
- `resource`    what spans say of the pod they come from
- `process`     memory, file descriptors, CPU: read when somebody asks

A child is resolved once and held by the connection or route that counts; counting is then an
addition to a slot.
"""
