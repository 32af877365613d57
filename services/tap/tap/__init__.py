"""The tap service: live requests of a workload, from its proxies to whoever may watch them.

app        the service put together, in the order in which it comes up
settings   WEFT_* variables
cluster    pods, their owners and addresses, as watches say    sources    those watches
targets    from a resource to the proxies to ask, and why not others
query      a request read and checked                          observe    as the proxies understand it
proxies    the proxies behind one viewer                    streams    theirs, kept alive and shared
merge      one viewer: sampled, bounded, counted               describe   events as the viewer reads them
redact     what is held back
forms      lines of JSON, or Linkerd's frames                 linkerd    those frames
access     who asks, proved by the API server; may they
server     the HTTP face: an aggregated API of Kubernetes      serving    its TLS
"""
