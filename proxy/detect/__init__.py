"""What is spoken here? Answers from the first bytes of a connection, without consuming them.

- `client_hello`  is it TLS, and for whom: the server name and ALPN of a ClientHello
- `protocol`      HTTP/1, HTTP/2, or bytes that nobody here understands

Both are functions of everything received so far. They may be asked again when more has arrived,
however it was cut into pieces; who waits, and for how long, is decided by the caller.
"""
