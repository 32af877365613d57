"""What a pod may ask for and this node does not do: said once, in an event, never passed over. Pure."""

from collections.abc import Iterator

from sandbox.node.objects import Object, containers, init_containers, spec


def unsupported(pod: Object) -> Iterator[str]:
    """One sentence for every field that will have no effect."""
    own = spec(pod)
    if own.get("shareProcessNamespace"):
        yield "shareProcessNamespace has no effect: every container has process ids of its own"
    if own.get("runtimeClassName"):
        yield f"runtimeClassName {own['runtimeClassName']} has no effect: every pod is run by runc"
    if own.get("hostUsers") is False:
        yield "hostUsers: false has no effect: containers use the host's user ids"
    for container in (*init_containers(pod), *containers(pod)):
        named = f"container {container.get('name')}"
        for port in container.get("ports") or ():
            if port.get("hostPort") and not own.get("hostNetwork"):
                yield f"{named}: hostPort {port['hostPort']} has no effect: use a Service or port-forward"
        if container.get("volumeDevices"):
            yield f"{named}: volumeDevices have no effect: there are no block volumes"
        profile = (container.get("securityContext") or {}).get("seccompProfile") or {}
        if profile.get("type") == "Localhost":
            yield f"{named}: seccompProfile Localhost has no effect: no system call is filtered"
