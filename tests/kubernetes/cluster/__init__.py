"""A real Kubernetes of one node, for tests: one Go program, CoreDNS, and Debian's containerd.

places         where things lie, which addresses are used
build          the Go programs, and tools of tests, built once and kept outside the tree
pki            certificates and kubeconfigs
processes      starting and ending what was started, by recorded process id
control_plane  etcd, API server, controller-manager, scheduler
runtime        containerd, CNI, images
node           kubelet and kube-proxy
up, down       the whole, in order
__main__       `python -m tests.kubernetes.cluster up|down|kubeconfig|program|load`
"""
