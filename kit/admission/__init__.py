"""A webhook that the API server asks before it stores an object: bytes of a review in, bytes of an answer out.

review      AdmissionReview as it comes (pure)
answer      what is said to it (pure)
serving     the HTTPS server, with a certificate that may change
"""
