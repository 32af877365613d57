"""What may be done: who may call a port (inbound), how to call a target (outbound).

model        the policy resources as values
route        routes and EgressNetworks as values
read         Kubernetes objects -> those values; read_routes: those of routes
fields       reading that says where in an object something is wrong
selector     label selectors
servers      which Server describes a pod's port
attach       which routes are attached to a Service, Server or EgressNetwork, and why others are not
egress       which EgressNetwork an address outside belongs to
limits       which rate limit a Server has
inbound      the answer to WatchPort: protocol, routes, authorizations, rate limit
clients      who an authorization permits: networks and identities
outbound     the answer to OutboundPolicies.Watch: protocol, routes, what is forbidden
traffic      retries, time-outs, balancing and circuit breaking from annotations
status       what the status of a route, EgressNetwork or rate limit should say
"""
