"""What only a real Kubernetes can show.

cluster/        a real one-node cluster, built and started here
test_addresses  a pod is gone and another has its address
test_daemons    the node's own programs restart under load
test_lifecycle  the mesh comes, is renewed and goes: what the cluster held before and after
inventory       every object of a cluster by name, without what comes and goes by itself
"""
