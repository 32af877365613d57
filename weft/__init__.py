"""The words every part of Weft shares. Pure: no sockets, clocks, Kubernetes or gRPC, nothing of ours.

names       workload identities: service account, namespace and trust domain <-> one DNS-like name
addresses   socket addresses and networks
authority   `service.namespace.svc.cluster.local:port` and its parts
ports       the port numbers of the mesh, port lists and ranges as annotations write them
labels      every label and annotation the mesh reads or writes
numbers     `8080`: whole numbers
texts       texts of others, so that they can be sent on
kubernetes_version  `1.34`, as an API server says it
durations   `300ms`, `1h30m`: the two spellings users meet
quantities  `100m`, `64Mi`: amounts of CPU and memory
patterns    regular expressions of routes
metrics     every data-plane metric: name, kind, help, labels, buckets
errors      the numbered catalogue of data-plane errors
redaction   what is held back from who watches requests
pki         keys, signing requests, certificates and chains as values
version     the one place the version is written
"""
