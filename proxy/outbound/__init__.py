"""Connections of the application beside this proxy, on their way to other pods.

1. `accept`     where was it going, and what does it speak
2. `logical`    which route: filters, and the backend to use
3. `concrete`   which endpoint of that backend: balanced, queued, or fail-fast
4. `endpoint`   how to reach it: mutual TLS with the promised identity, HTTP/2 shared or HTTP/1 kept

    outbound = Outbound(reactor, settings.outbound, certificates, discovery, registry)
    outbound.start([listening_socket])
    ...
    await outbound.drain()      # SIGTERM: accept no more, finish what is in progress
    outbound.stop()             # the grace period is over
"""
