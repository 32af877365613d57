"""A pair of real proxies under mixed load for a long time: does anything grow?

- `origin`     an application that speaks HTTP/1, gRPC and bytes on one port, slowly and rudely at times
- `clients`    its clients: ordinary, slow, rude, silent
- `series`     what was measured, and whether it is flat (pure)
- `__main__`   two pods, two proxies, and a measurement every ten seconds

`python -m bench.soak --minutes 15` needs root. The clients are not in a hurry: what is sought is
what a connection or request leaves behind, and not how many there can be.
"""
