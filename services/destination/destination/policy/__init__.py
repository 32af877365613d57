"""What may be done: who may call a port (inbound), how to call a target (outbound).

model      the policy resources as values
read       Kubernetes objects -> those values
selector   label selectors
servers    which Server describes a pod's port
inbound    the answer to WatchPort: protocol, authorizations, probe routes
clients    who an authorization permits: networks and identities
outbound   the answer to OutboundPolicies.Watch: protocol, backends, what is forbidden
traffic    retries, time-outs and circuit breaking from a Service's annotations
"""
