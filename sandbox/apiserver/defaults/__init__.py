"""What the server fills in where a writer left a field out, by kind.

fill        the table of kinds and the one entry point
pods        pod specs wherever they stand    workloads  Deployment, Job, ...
network     Service, EndpointSlice           cluster    webhooks, RBAC, CRDs, namespaces
"""
