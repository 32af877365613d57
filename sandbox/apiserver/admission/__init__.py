"""What happens to a write between its arrival and the store.

attributes         what an admission step is told of a write
lifecycle          namespaces must exist and not be going
service_account    a pod's account, its token volume
priority           a pod's priority and tolerations
service_ips        addresses for Services
webhook_match      which webhooks want a write (pure)
webhook_review     AdmissionReview: what is sent, what an answer means (pure)
webhook_call       the HTTPS call; services are dialled through a resolver
chain              the steps in order
"""
