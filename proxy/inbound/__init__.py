"""Connections from other pods, on their way to the application beside this proxy.

1. `accept`    where was it going, is it mesh TLS, from whom, and what does it speak
2. `route`     one request: which route, who may, what is counted
3. `forward`   the application: kept HTTP/1 connections, one HTTP/2 connection, or plain bytes
4. `tunnel`    a request that switched protocols: bytes from then on, for as long as its client may

    inbound = Inbound(reactor, settings.inbound, certificates, policies, registry)
    inbound.start([listening_socket])
    ...
    await inbound.drain()       # SIGTERM: accept no more, finish what is in progress
    inbound.stop()              # the grace period is over
"""
