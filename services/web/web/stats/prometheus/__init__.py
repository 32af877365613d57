"""The backend for clusters that have a Prometheus, which may remember longer than ten minutes.

promql    selections become queries: names from `weft.metrics`, nothing spelled twice (pure)
client    queries over HTTP, and what Prometheus answers
backend   what `web.stats.backend.Backend` promises, from its answers

It scrapes the proxies itself; docs/how-to/prometheus.md says with which labels.
"""
