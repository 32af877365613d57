"""Who this proxy is, and how it proves it.

- `keypair`   an ECDSA P-256 key made in memory, and the signing request for it
- `renewal`   when to ask for the next certificate: pure arithmetic
- `store`     `CertificateStore`: the contexts handshakes use, replaced whole on every renewal
- `svid`      an identity that a SPIRE agent sent, taken apart; `der` is the strict reading of its bytes
- `peer`      whose certificate the other side showed
"""
