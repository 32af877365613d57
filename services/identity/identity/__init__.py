"""The identity service: turns a workload's service-account token into a certificate.

A call of `Identity.Certify` runs through the modules in this order:

server      the gRPC face: the order of the checks and the code of each failure
tokens      whose token is this? (TokenReview, audience identity.l5d.io)
authority   signs the leaf: who, until when (pure; the request's own checks are weft.pki.csr)
issuer      the signing credentials, checked against the trust anchors, reloaded when they change
settings    WEFT_* variables
metrics     certificates issued and refused, life left of the issuer
"""
