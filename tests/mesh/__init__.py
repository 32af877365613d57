"""The whole mesh on a cluster, end to end: one suite for the sandbox and for real Kubernetes.

    WEFT_TEST_CLUSTER=sandbox|kubernetes|current   which cluster; the default is the sandbox, `current`
                                                   is $KUBECONFIG's, with the images already there
    WEFT_KEEP=1                                    leave a cluster that this run started standing
    WEFT_LONG=1                                    outages of two minutes instead of twenty seconds

`pytest tests/mesh -k "not resilience"` is the quick part.

cluster     a cluster that stands: kubectl and mesh on it, and where its pods' networks are
choose      which cluster, started when it is not running
pods        pods and deployments as the tests need them
workloads   the suite's own namespace: a plain HTTP server, meshed
scrape      metrics of proxies and applications
network     sockets inside a pod's network namespace
capture     bytes on a pod's interface, put together to streams
tls_records TLS records of a stream, without a key
trust       certificates of this mesh and of a foreign one
talk        one HTTP exchange with a pod, in clear or over TLS
certify     asking identity for a certificate
garbage     bytes that no well-behaved client sends
story       the demo's story on the chosen cluster, and what it showed
answering/  applications that say their name, and a pod that asks them
gateway_api as much of the Gateway API's definitions as routes need
collecting/ a collector of spans, and what it has collected
prometheus  a Prometheus of the user's own, with our files, and monitors: the operator's jobs of a PodMonitor
load/       requests at a steady rate, each failure counted, from a pod
and in tests/conftest.py the fixtures: cluster -> installed -> demo

What changes a cluster puts it back. Everything takes place in the demo's namespace, the control
plane's, and one of the suite's own.
"""
