"""The destination service: tells every proxy where things are and what may be done to them.

Facts flow one way:

sources     Kubernetes watches, the only place that waits for the cluster
read        one Kubernetes object -> one value of `model` (pure)
index       all values, by name and by what they are looked up by; says which facts a change touched
grace       which endpoints were ready until just now (pure)
keeper      keeps that in the index, by the clock
resolve     a service's authority -> its endpoints (pure)
profiles    an address or authority -> its profile (pure)
policy      a workload's port -> who may call it; a target -> how to call it (pure)
diff        what changed between two sets of endpoints (pure)
fanout      answers kept up to date, each subscriber at its own pace
translate   values -> messages of the proxy API (pure)
server      the gRPC face, on two ports
admission   what the API server asks before it stores a policy resource
external    machines outside Kubernetes, and the EndpointSlices that lead to them
statuses    what routes and others say of themselves, written by the one replica that leads
rounds      when the replica that leads looks for what there is to write

An answer remembers which facts it read; when one of them is touched it is worked out again, once
for all its subscribers.
"""
