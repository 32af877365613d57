"""From a question about traffic to the rows that answer it.

translate   a StatRequest in, a StatResponse out: the only module here that knows protobuf
query       the question as a checked value; what cannot be asked is refused by name
links       who sends to whom: which series tell of a link, and of its security (pure)
edges       links and inventory become edges, with both identities
tallies     which series count requests by route, server and authorization (pure)
policies    objects of policy as series name them (pure)
routes      how each route does
authz       what policy lets in and keeps out
denials     what policy kept out, by Server and route
faults      the numbered errors of proxies, asked when somebody wants to know
selection   which series answer it: direction, labels to match, labels to group by (pure)
backend     where series live: one interface, two behind it
fallback    Prometheus while it answers, the collector while it does not
prometheus/ asks a Prometheus
sums        what series of one group say, added up
quantile    quantiles of a histogram, as Prometheus computes them
collector/  scrapes the proxies itself and remembers ten minutes
inventory   pods, workloads, services, namespaces and policy, and who owns whom (pure)
sources     Kubernetes watches that keep the inventory true
pods        what a pod says about itself: meshed, address, status (pure)
aggregate   inventory and traffic become rows (pure)
answer      the above in order: checked, measured, made into rows
kinds       the kinds of resource a row may be about
"""
