"""The documents name only what is there: modules, functions, commands, settings, metrics, pages."""

from __future__ import annotations

import ast
import re
import shlex
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from prometheus_client import CollectorRegistry

from cli.command_table import COMMANDS, EXTENSIONS
from cli.main import CONTEXT_SETTINGS, build
from cli.manifests.overrides import make_values, parse_set
from deploy.images.catalogue import IMAGES
from destination.fanout import Fanout
from destination.index import Index
from destination.metrics import Metrics as DestinationMetrics
from proxy.environment import PREFIX as PROXY_PREFIX
from proxy.settings import HONOURED, NOT_YET
from proxy_injector.metrics import Metrics as InjectorMetrics
from weft import labels
from weft.errors import CATALOGUE
from weft.metrics import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parents[2]
"""The checkout itself, also where a build system runs this through a folder of links: documents
name files of every part, not only those this test depends on."""

AT_THE_ROOT = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (*(ROOT / name for name in AT_THE_ROOT), *sorted((ROOT / "docs").glob("**/*.md")))
    if path.exists()
}
WRITTEN = [name for name in DOCUMENTS if not name.startswith("docs/reference/")]
"""Those that people write; the others are generated from the code they describe."""

MAPS = ["ARCHITECTURE.md", *(name for name in WRITTEN if name.startswith("docs/explain/"))]

_FENCE = re.compile(r"^([ \t]*)```\w*\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_STEP = re.compile(r"`([\w./-]+\.py)`\s+\(((?:`[\w.]+`(?:,\s+)?)+)\)")
_ENDS = re.compile(r"\||&&|;|>|\)|#|&$")


# --- what a document says ---------------------------------------------------------------------


def _inline(name: str) -> list[str]:
    return _CODE.findall(_FENCE.sub("", DOCUMENTS[name]))


def _links(text: str) -> list[str]:
    found = _LINK.findall(_FENCE.sub("", text))
    return [link for link in found if not link.startswith(("http://", "https://"))]


def _all_commands() -> list[tuple[str, str]]:
    return [(name, line) for name in WRITTEN for line in _commands(name)]


def _commands(name: str) -> Iterator[str]:
    text = DOCUMENTS[name]
    yield from _in_shell(text)
    for code in _inline(name):
        if code.startswith("mesh ") and "*" not in code and "..." not in code:
            yield _ENDS.split(code)[0].strip()


def _in_shell(text: str) -> Iterator[str]:
    for _, block in _FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            for match in re.finditer(r"(?:^|\$\(|\|)\s*(mesh [^\n]*)", line):
                yield _ENDS.split(match[1])[0].strip()


# --- links ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    lost = [link for link in _links(DOCUMENTS[name]) if not _leads(name, link)]
    assert lost == []


@pytest.mark.parametrize("folder", ["docs/how-to", "docs/explain", "docs/decisions"])
def test_every_page_is_in_its_index(folder: str) -> None:
    index = set(_links(DOCUMENTS[f"{folder}/README.md"]))
    pages = {path.name for path in (ROOT / folder).glob("*.md")} - {"README.md"}
    assert pages <= index


def test_anchors_are_those_of_the_headings() -> None:
    page = '# One\n<a id="two"></a>\n## `mesh x`: what, 70 %?\n```sh\n# no heading\n```\n'
    assert _anchors(page) == {"one", "two", "mesh-x-what-70-"}


def _leads(document: str, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (ROOT / document).parent / path if path else ROOT / document
    if not target.exists():
        return False
    return not anchor or anchor in _anchors(target.read_text(encoding="utf-8"))


def _anchors(text: str) -> set[str]:
    """What `#...` may name: headings as web viewers turn them into anchors, and explicit ones."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'<a id="([^"]+)">', text))


# --- modules ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MAPS)
def test_modules_and_folders_are_there(name: str) -> None:
    assert [one for block in _blocks(name) for one in _lost(block)] == []


def test_a_lost_module_is_noticed() -> None:
    text = "`proxy/net/reactor.py`, `proxy/bogus.py`, `cli/` has `main.py`, `checks/`, `bogus/`, `bogus.py`"
    assert list(_lost(text)) == ["proxy/bogus.py", "bogus/", "bogus.py"]


def _blocks(name: str) -> list[str]:
    """Paragraphs and items of lists."""
    return re.split(r"\n\n|\n- ", _FENCE.sub("", DOCUMENTS[name]))


def _lost(block: str) -> Iterator[str]:
    """Paths that do not exist: from the root, or below the folder the block named before.

    Where it named none, below any service, for services use the same names.
    """
    bases = list((ROOT / "services").glob("*/*/"))
    for one in _CODE.findall(block):
        if not re.fullmatch(r"[\w-]+(/[\w.-]+)*(\.py|/)", one):
            continue
        if (ROOT / one).exists():
            bases = [ROOT / one] if one.endswith("/") else bases
        elif not any((base / one).exists() for base in bases):
            yield one


@pytest.mark.parametrize("name", MAPS)
def test_the_things_in_parentheses_are_in_their_module(name: str) -> None:
    lost = [
        f"{path}: {thing}"
        for path, things in _STEP.findall(DOCUMENTS[name])
        for thing in _CODE.findall(things)
        if thing not in _defined(ROOT / path)
    ]
    assert lost == []


@pytest.mark.parametrize(
    "name", [name for name in MAPS if name.startswith("docs/explain/life-of-")]
)
def test_every_step_of_a_walk_names_its_code(name: str) -> None:
    steps = re.findall(r"^\d+\. (.*?)(?=^\d+\. |^\s*$)", DOCUMENTS[name], re.DOTALL | re.MULTILINE)
    assert len(steps) > 10
    assert [step for step in steps if not _STEP.search(step)] == []


@pytest.mark.parametrize("name", [name for name in MAPS if "life-of-" in name])
def test_the_steps_of_a_walk_are_numbered_through(name: str) -> None:
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", DOCUMENTS[name], re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))


@cache
def _defined(path: Path) -> frozenset[str]:
    """`function`, `Class` and `Class.method` of a module; nothing when there is no such file."""
    if not path.exists():
        return frozenset()
    return frozenset(_names(ast.parse(path.read_text(encoding="utf-8")).body, ""))


def _names(body: Iterable[ast.stmt], prefix: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name
        elif isinstance(node, ast.ClassDef):
            yield prefix + node.name
            yield from _names(node.body, f"{prefix}{node.name}.")


# --- commands ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "line"), _all_commands())
def test_mesh_commands_exist(name: str, line: str) -> None:
    parse(shlex.split(line)[1:])


def test_there_are_commands_in_the_how_tos() -> None:
    found = {name for name, _ in _all_commands() if name.startswith("docs/how-to/")}
    assert found >= {name for name in WRITTEN if name.startswith("docs/how-to/")} - {
        "docs/how-to/README.md"
    }


@pytest.mark.parametrize(
    "line",
    ["mesh bogus", "mesh check --bogus", "mesh check extra", "mesh stat po -o xml", "mesh stat -t"],
)
def test_a_wrong_command_is_noticed(line: str) -> None:
    with pytest.raises(click.UsageError):
        parse(shlex.split(line)[1:])


def test_a_wrong_value_is_noticed() -> None:
    with pytest.raises(click.ClickException):
        parse(["install", "--set", "proxy.logLevle=debug"])


def test_commands_are_found_wherever_a_shell_would_run_them() -> None:
    text = "```sh\nA=$(mesh version --client) x\nmesh install \\\n  --crds | kubectl apply -f -  # so\n```\n"
    assert list(_in_shell(text)) == ["mesh version --client", "mesh install    --crds"]


def parse(words: list[str]) -> None:
    """Read a command line as `mesh` would, without running it. Raises click's UsageError."""
    command: click.Command = build()
    # With what the program runs with: click keeps the first help option it makes.
    context = click.Context(command, info_name="mesh", **CONTEXT_SETTINGS)  # type: ignore[arg-type]
    while isinstance(command, click.Group):
        _, words, _ = command.make_parser(context).parse_args(words)
        if not words:
            return
        _, child, words = command.resolve_command(context, words)
        assert child is not None
        command, context = child, click.Context(child, parent=context)
    values, rest, _ = command.make_parser(context).parse_args(list(words))
    if rest:
        raise click.UsageError(f"unexpected: {' '.join(rest)}", context)
    for option in command.params:
        # The files of an example are not there; every other value must be usable.
        given = isinstance(option, click.Option) and option.name in values
        if given and not isinstance(option.type, click.Path):
            option.type_cast_value(context, values[option.name or ""])
    for text in values.get("settings") or ():
        make_values({}, [("--set", parse_set("--set", text, as_string=False))])


# --- images -----------------------------------------------------------------------------------


def test_whoever_brings_images_to_nodes_brings_all_that_are_needed() -> None:
    every = {image.name for image in IMAGES}
    loops = re.findall(r"for part in ([\w -]+); do", DOCUMENTS["docs/how-to/install.md"])
    assert [set(loop.split()) for loop in loops] == [every - {"emojivoto"}] * 3
    loaded = re.findall(
        r"mesh sandbox load (\.build/[^\n]+(?:\n +[^\n]+)*)", DOCUMENTS["docs/how-to/sandbox.md"]
    )
    assert [set(re.findall(r"\.build/images/([\w-]+)", one)) for one in loaded] == [every]


# --- what is not there yet ----------------------------------------------------------------------


def test_commands_that_are_said_to_be_missing_are_missing() -> None:
    (sentence,) = re.findall(
        r"there is no ((?:`\w+`,? ?(?:or )?)+)", DOCUMENTS["docs/how-to/move-from-linkerd.md"]
    )
    said = _CODE.findall(sentence)
    known = {*COMMANDS, *(name for names in EXTENSIONS.values() for name in names)}
    assert said
    assert known.isdisjoint(said)


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRITTEN)
def test_settings_metrics_annotations_and_errors_exist(name: str) -> None:
    assert [one for one in _inline(name) if not _known(one)] == []


def test_an_unknown_name_is_noticed() -> None:
    unknown = ("WEFT_BOGUS", "LINKERD2_PROXY_BOGUS", "bogus_total", "2004 bogus")
    assert not any(_known(one) for one in (*unknown, "config.linkerd.io/bogus"))


def _known(code: str) -> bool:
    """Whether a piece of code in a sentence names something that exists, if it names anything."""
    if re.fullmatch(r"WEFT_[A-Z_]+", code):
        return code == "WEFT_NAMESPACE" or f"`{code}`" in DOCUMENTS["docs/reference/settings.md"]
    if code.startswith(PROXY_PREFIX) and not code.endswith("*"):
        return code.removeprefix(PROXY_PREFIX) in {*HONOURED, *NOT_YET}
    if re.fullmatch(r"[a-z_]+_(total|ms|seconds|connections|bytes|info)", code):
        return code in _METRICS
    if found := re.fullmatch(r"((?:config\.)?linkerd\.io/[a-z0-9-]+)(?::.*|=.*)?", code):
        return found[1] in _ANNOTATIONS
    if found := re.fullmatch(r"(\d{4}) ([a-z-]+)", code):
        return (int(found[1]), found[2]) in {(kind.number, kind.name) for kind in CATALOGUE}
    return True


def _metrics() -> Iterator[str]:
    """Of proxies, and of the components whose own a page names."""
    yield from (metric.name for metric in catalogue())
    registry = CollectorRegistry()
    InjectorMetrics(registry)
    index = Index()
    DestinationMetrics(index, Fanout(index), registry)
    for family in registry.collect():
        yield f"{family.name}_total" if family.type == "counter" else family.name


_METRICS = set(_metrics())
_ANNOTATIONS = {value for value in vars(labels).values() if isinstance(value, str)} | {
    labels.OWNER_LABEL_PREFIX + kind for kind in labels.OWNER_KINDS
}
