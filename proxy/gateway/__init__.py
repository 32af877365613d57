"""The proxy as a gateway: connections of other clusters' pods, forwarded to Services of this one.

A client that means a name says so in the transport header; its connection comes in by the proxy's own
port and passes that port's policy. What is behind the name is looked up and reached by the outbound
side, as for an application beside this proxy.

    gateway.py     which names are served, and who must not pass
    http.py        requests: a call of the inbound side, crossed over to one of the outbound side
    opaque.py      connections nobody looks into, on their way as the outbound side's bytes
    lookup.py      what it means that a name was not found
    forwarded.py   the `forwarded` header, by which a loop is found

Present only where `INBOUND_GATEWAY_SUFFIXES` is set; `inbound.arrival` knows it as a protocol.
"""
