"""What the story consists of, in order. Each step runs the commands a user would type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from deploy.demo import dashboard
from deploy.demo.terminal import KUBECTL, MESH, ROOT, StepFailed
from deploy.images.build import Builder, in_checkout
from deploy.images.cache import cache_folder
from deploy.images.catalogue import IMAGES

if TYPE_CHECKING:
    from deploy.demo.terminal import Terminal

NAMESPACE = "emojivoto"
DEPLOYMENTS = ("emoji", "vote-bot", "voting", "web")
MANIFEST = str(ROOT / "demo/emojivoto.yml")


def start_cluster(terminal: Terminal) -> None:
    with terminal.step("A cluster of one host"):
        terminal.show(*MESH, "sandbox", "up")
        kubeconfig = terminal.run(*MESH, "sandbox", "kubeconfig").strip()
        terminal.environment = {**terminal.environment, "KUBECONFIG": kubeconfig}


def load_images(terminal: Terminal) -> None:
    with terminal.step("Images of every part"):
        folders = build_images()
        terminal.run(*MESH, "sandbox", "load", *folders)
        terminal.say(f"  {len(folders)} images: {', '.join(image.name for image in IMAGES)}")


def build_images() -> list[str]:
    """Every image as an OCI layout; returns their folders. Raises BaseError."""
    builder = Builder(in_checkout(ROOT), cache_folder(), compress=False)
    return [str(builder.build(image, ROOT / ".build/images")) for image in IMAGES]


def check_before(terminal: Terminal) -> None:
    with terminal.step("Can this cluster take the mesh?"):
        terminal.show(*MESH, "check", "--pre")


def install(terminal: Terminal) -> None:
    with terminal.step("mesh install | kubectl apply -f -"):
        manifests = terminal.run(*MESH, "install")
        applied = terminal.run(*KUBECTL, "apply", "-f", "-", given=manifests)
        terminal.say(f"  {len(applied.splitlines())} objects")


def check_after(terminal: Terminal) -> None:
    with terminal.step("Is it healthy?"):
        terminal.show(*MESH, "check", "--wait", "120s")


def open_dashboard(terminal: Terminal) -> None:
    with terminal.step("mesh dashboard"):
        terminal.dashboard = terminal.background.enter_context(dashboard.serving(terminal))
        terminal.say(f"  {terminal.dashboard}")


def deploy_application(terminal: Terminal) -> None:
    with terminal.step("The voting application, unmeshed"):
        terminal.run(*KUBECTL, "apply", "-f", MANIFEST)
        await_rollout(terminal)
        terminal.show(*MESH, "stat", "deploy", "-n", NAMESPACE, "--unmeshed")
        _require_meshed(terminal, 0)


def inject(terminal: Terminal) -> None:
    with terminal.step("kubectl get deploy -o yaml | mesh inject - | kubectl apply -f -"):
        found = terminal.run(*KUBECTL, "get", "deploy", "-n", NAMESPACE, "-o", "yaml")
        injected = terminal.run(*MESH, "inject", "-", given=found)
        terminal.run(*KUBECTL, "apply", "-f", "-", given=injected)
        await_rollout(terminal)
        terminal.wait_until(
            "every pod is meshed and the old ones are gone",
            lambda: _all_pods(terminal) == meshed(terminal) == len(DEPLOYMENTS),
            seconds=60,
        )


def show_numbers(terminal: Terminal) -> None:
    with terminal.step("The numbers"):
        terminal.wait_until(
            "every deployment but the bot has traffic and votes for the doughnut have failed",
            lambda: tells_the_story(rows(terminal, "deploy")),
            seconds=90,
        )
        terminal.show(*MESH, "stat", "ns", NAMESPACE)
        terminal.show(*MESH, "stat", "deploy", "-n", NAMESPACE)


def voting_page(terminal: Terminal) -> str:
    """Where this host's browser finds the voting page."""
    address = terminal.run(
        *KUBECTL, "get", "svc", "web-svc", "-n", NAMESPACE, "-o", "jsonpath={.spec.clusterIP}"
    )
    return f"http://{address}/"


def stop_cluster(terminal: Terminal) -> None:
    with terminal.step("Taking it all down"):
        terminal.show(*MESH, "sandbox", "down")


STORY = (
    start_cluster,
    load_images,
    check_before,
    install,
    check_after,
    open_dashboard,
    deploy_application,
    inject,
    show_numbers,
)


def rows(terminal: Terminal, resource: str) -> dict[str, dict[str, Any]]:
    """What `mesh stat -o json` says of the demo's resources, by name."""
    output = terminal.run(*MESH, "stat", resource, "-n", NAMESPACE, "--unmeshed", "-o", "json")
    return {row["name"]: row for row in json.loads(output or "[]")}


def tells_the_story(found: dict[str, dict[str, Any]]) -> bool:
    """Traffic on web, emoji and voting; only votes for the doughnut fail."""
    if set(found) != set(DEPLOYMENTS):
        return False
    web, emoji, voting = (found[name].get("success") or 0.0 for name in ("web", "emoji", "voting"))
    return emoji == 1.0 and 0 < voting < 1.0 and 0 < web < 1.0


def await_rollout(terminal: Terminal) -> None:
    """Returns when every deployment of the demo runs as it was last applied."""
    for name in DEPLOYMENTS:
        terminal.run(
            *KUBECTL, "rollout", "status", f"deploy/{name}", "-n", NAMESPACE, "--timeout=90s"
        )


def meshed(terminal: Terminal) -> int:
    """How many of the demo's deployments have a meshed pod."""
    selector = "linkerd.io/control-plane-ns=weft"
    output = terminal.run(*KUBECTL, "get", "pods", "-n", NAMESPACE, "-l", selector, "-o", "json")
    return len({pod["metadata"]["labels"]["app"] for pod in json.loads(output)["items"]})


def _all_pods(terminal: Terminal) -> int:
    return len(terminal.run(*KUBECTL, "get", "pods", "-n", NAMESPACE, "-o", "name").split())


def _require_meshed(terminal: Terminal, wanted: int) -> None:
    found = meshed(terminal)
    if found != wanted:
        raise StepFailed(f"{found}/{len(DEPLOYMENTS)} deployments are meshed, expected {wanted}")
    terminal.say(f"  {found}/{len(DEPLOYMENTS)} meshed")
