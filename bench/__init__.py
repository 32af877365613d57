"""The proxy beside others, in one run, on one topology: `make bench`.

Two network namespaces stand for two pods. In each, iptables redirects to a proxy, exactly as in a
cluster; a load generator in one talks to an origin server in the other. What is measured is the
CPU that the two proxies spend on one request, their latency, their memory, and how soon they are
ready. Machines are noisy, so peers take turns within each round and only ratios of one run are
compared.

namespaces     the two pods and the wire between them
processes      starting programs in them, pinned to cores; reading their CPU and memory
peers          what stands between client and origin: nothing, Weft, Envoy, a landmark
envoy          Envoy's configuration
landmarks      HAProxy's and nginx's
control_plane  the control plane that Weft's proxies talk to here
load           wrk and h2load, and connections that are held
client         what runs inside a pod: waits until a proxy is ready, holds connections
works          what is asked of every peer
rounds         peers taking turns
tap            what being watched costs a proxy: `make bench-tap`
watchers       the viewers of that benchmark
report         the table and results.json
page           docs/reference/benchmarks.md
requirements   peers from PyPI (`requirements.txt`), Debian packages
"""
