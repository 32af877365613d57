"""The only folder of the CLI that talks to the Kubernetes API.

errors.py      what can go wrong, in words people can act on
client.py      kubeconfig (read by the kubernetes library) and plain REST over urllib3
paths.py       the REST paths of the resources the CLI reads
installed.py   the control plane as it is installed: its values, read from ConfigMap weft-config
web_api.py     Weft's web API, through the API server's proxy or at --api-addr
current_namespace.py  the namespace of the kubeconfig's context
portforward.py a byte stream to one port of a pod, through the API server's websocket
tunnel.py      such a port as a Unix socket of this host, and HTTP through it
workloads.py   the pods of a workload
destination.py the destination service's gRPC, through such a tunnel
"""
