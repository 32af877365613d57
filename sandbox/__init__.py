"""A cluster of one host: the mesh without Kubernetes. One daemon, `python -m sandbox`.

up status record      what the command line does with the daemon
prerequisites         what the host must have
daemon                the parts, started in the order they need each other
settings              places and addresses

apiserver/            Kubernetes' API over an in-memory store
controllers/          Deployments to pods, Services to endpoints, owners to garbage
node/                 pods: network namespaces, runc, images, probes, logs
services/             service addresses, by nftables
dns/  cluster_dns     cluster names
"""
