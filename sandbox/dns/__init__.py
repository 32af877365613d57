"""Cluster DNS, by the Kubernetes DNS specification 1.1.

wire        messages <-> bytes (RFC 1035, EDNS of RFC 6891), no I/O
records     Services, EndpointSlices and Namespaces as the names they imply
zone        question + records -> answer, with NXDOMAIN and NODATA told apart (RFC 2308)
forward     everything outside the cluster's domain, asked of the host's own resolvers
server      UDP and TCP on one asyncio loop; follows the store
"""
