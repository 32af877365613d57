"""Many meshed pods on one node, and what they cost: `make bench-scale`, docs/reference/scale.md.

figures      what a run found, and the model made of it
measuring    growing a Deployment of sleepers on a real cluster, and reading what it takes
page         the page
__main__     `python -m tests.kubernetes.scale [PODS]`
"""
