"""Sockets, and connections that speak a protocol over them; everything runs on the reactor.

- `reactor`, `wheel`      the host loop and its one timer wheel
- `listen`, `orig_dst`    accepting, and where a redirected connection was going
- `dial`                  connecting with a deadline
- `transport`, `tls`      bytes on one socket, plain or encrypted, with back-pressure
- `relay`                 bytes between two transports
- `exchange`              one request between the connection it came on and the one it goes out on
- `http1_server`, `http2_server`   accepted connections: they make calls
- `http1_client`, `http2_client`   connections we made: they carry calls
- `waiting`               calls for which an HTTP/2 peer has no stream yet
- `pulse`                 whether an HTTP/2 peer is still there
- `pool`                  which connection of an endpoint carries the next call
- `failure`               why something failed, in the words of the error catalogue

Nothing here knows routes, policies or endpoints' identities: `inbound` and `outbound` hand those in.
"""
