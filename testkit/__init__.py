"""Fakes and contracts shared by tests; never part of a deployable.

control_plane   scripted identity, destination and policy services for proxies
kube            a Kubernetes API in memory, served over HTTP
kube_contract   what any API server must do for our client
workload_api    a SPIRE agent whose registrations are a script
machines        network namespaces on one wire
webhooks        reviews posted to a webhook over TLS
trio_tests      tests that are trio tasks, in real or in virtual time
"""
