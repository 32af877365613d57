"""What operators, probes and Prometheus ask of a proxy: HTTP/1 in plain text on port 4191.

- `routes`   every path and its answer, as a function of a request: no I/O
- `server`   connections over trio: bounded heads, bodies, time and number
"""
