"""What every control-plane process needs, and no more: the edge between its decisions and the world.

A service's `__main__` is: load `settings`, hand `main` to `lifecycle.run`, which configures
`logs`, stops on SIGTERM, and knows what is still missing before the process is ready.

settings    environment variables `WEFT_*` -> a frozen, checked value
lifecycle   start, readiness, graceful stop
admin       /live /ready /metrics on 9990
logs        one line per event, plain or json
tracing     spans over OTLP, only when a collector is named
rpc         gRPC: server, client, errors as statuses
admission   webhooks: reviews, answers, the HTTPS server
kube        the Kubernetes API: client, list-watch, events, errors
"""
