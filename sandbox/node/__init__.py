"""The node agent: runs pods with runc, each in a network namespace of its own. A kubelet in small.

    agent      watches the node's pods, one worker each; registers the node     cluster, store_cluster, events
    pod        one pod's way from set-up to tear-down                           host: the tools all pods share
    container  one container across its lives: image, start, probes, back-off   life: one of them
    status     (pure) a pod's status from its containers' states                backoff (pure)

What a container is made of:
    images     references, layouts, layers: from a file or a registry to directories overlayfs can stack
    bundle     its directory; spec (pure): the runtime specification, with env, downward, users,
               capabilities, resources, quantities (all pure)
    volumes    payload (pure): which files; atomic: written so that readers see old or new; tokens
    network    bridge, namespace, veth, addresses; netns: doing one thing inside; etc_files (pure)
    runtime    runc; process: adopted children; cgroups, mounts, console, capture, descriptors

What it answers:
    probes     asking once; probe_spec (pure), probing: when to ask and what follows
    streams    logs, exec_session, port-forward for the API server
    unsupported (pure)  what a pod asks for in vain
    own_root   for a sandbox in a chroot
    cleanup    leaves nothing behind, also after a crash

A daemon calls `own_root.own_root()` before anything else, then does `agent = NodeAgent(store, tokens)`, `await agent.start()`, serves the API with
`node=agent.streams`, runs `agent.run()` as a task and ends with `await agent.stop()`.
"""
