"""weft-version and control-plane-version: do the command and the control plane fit together?"""

from cli.checks.context import Context
from cli.checks.model import Category, Check
from cli.checks.problem import Problem
from weft.version import VERSION


def cli_up_to_date(context: Context) -> None:
    """The command has the expected version."""
    if context.expected_version != VERSION:
        raise Problem(
            f"is running version {VERSION} but the expected version is {context.expected_version}"
        )


def can_retrieve(context: Context) -> None:
    """The installation says its version."""
    if not context.installed().version:
        raise Problem("ConfigMap weft-config has no version")


def control_plane_up_to_date(context: Context) -> None:
    """The control plane has the expected version."""
    found = context.installed().version
    if found != context.expected_version:
        raise Problem(
            f"is running version {found} but the expected version is {context.expected_version}"
        )


def versions_match(context: Context) -> None:
    """Both have the same version."""
    found = context.installed().version
    if found != VERSION:
        raise Problem(f"control plane running {found} but cli running {VERSION}")


MATCH_ADVICE = (
    "Install the `mesh` of the control plane's version, or the control plane of this one."
)

CLI = Category(
    "weft-version",
    (
        Check("cli is up-to-date", "l5d-version-cli", "Install the expected version of `mesh`.", cli_up_to_date, warning=True),
    ),
)  # fmt: skip

CONTROL_PLANE = Category(
    "control-plane-version",
    (
        Check("can retrieve the control plane version", "l5d-version-control", "Apply the installation again.", can_retrieve, retry=True),
        Check("control plane is up-to-date", "l5d-version-control", "Install the expected version.", control_plane_up_to_date, warning=True),
        Check("control plane and cli versions match", "l5d-version-control", MATCH_ADVICE, versions_match, warning=True),
    ),
)  # fmt: skip
