"""What the server refuses, as lists of causes that name the field, all pure.

check       the table of kinds and the entry points `check_create`, `check_update`
names       DNS labels and subdomains, label keys and values
metadata    names, labels, annotations, owners
pods        pod specs                workloads  selectors and templates
network     Services                 cluster    RBAC, webhooks, CRDs, namespaces
immutable   what an update may not change
"""
