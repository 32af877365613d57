"""The proxy beside others, in one run, on one topology: `make bench`.

Two network namespaces stand for two pods. In each, iptables redirects to a proxy, exactly as in a
cluster; a load generator in one talks to an origin server in the other. What is measured is the
CPU that the two proxies spend on one request, their latency, and their memory. Machines are noisy,
so peers take turns within each round and only ratios of one run are compared.

namespaces     the two pods and the wire between them
processes      starting programs in them, pinned to cores; reading their CPU and memory
peers          what stands between client and origin: nothing, Weft, Envoy
control_plane  the control plane that Weft's proxies talk to here
load           wrk and h2load
works          what is asked of every peer
rounds         peers taking turns
report         the table, results.json, the reference page
requirements   peers from PyPI (`requirements.txt`), Debian packages
"""
