"""Keys, signing requests, certificates and chains, as values and pure functions over them.

keys         ECDSA P-256 keys: make, read, write
csr          a workload's signing request: make one, and check that it asks for exactly one name
certificate  what a certificate says, and making authorities and leaves
chain        whether a chain stands on a trust anchor at a moment

Everything takes the time as an argument, and wants `cryptography`, which is slow to import: load
these modules where they are used.
"""
