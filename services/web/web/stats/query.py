"""A question about traffic, checked: whatever exists as a Query can be answered."""

import re
from dataclasses import dataclass

from kit.kube.selectors import EVERYTHING, LabelSelector, SelectorError, parse_selector
from web.stats.kinds import ALL, IN_ALL, POLICIES, STAT_ONLY, Kind
from weft.durations import format_duration
from weft.names import is_dns_label, is_dns_name

RECEIVERS = (Kind.AUTHORITY, Kind.SERVICE)
"""Kinds that are only names which senders use; they own no pods."""

DEFAULT_WINDOW = 60.0
MIN_WINDOW = 15.0
"""Three scrapes: with fewer, a rate is noise."""


class QueryError(ValueError):
    """A question that cannot be answered as asked; the message names the field and what is allowed."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


@dataclass(frozen=True, slots=True)
class Ref:
    """An object, or all objects of a kind (empty name), in a namespace or in all (empty namespace)."""

    kind: Kind
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked, of one kind. `to` and `from_` are never both set."""

    rows: Ref
    selector: LabelSelector = EVERYTHING
    window: float = DEFAULT_WINDOW  # seconds
    to: Ref | None = None
    from_: Ref | None = None
    tcp: bool = False
    traffic: bool = True

    @property
    def is_directed(self) -> bool:
        """Whether only traffic between two ends is asked for."""
        return self.to is not None or self.from_ is not None


@dataclass(frozen=True, slots=True)
class Question:
    """A request as it came, in plain values."""

    kind: str
    namespace: str = ""
    name: str = ""
    selector: str = ""
    window: float | None = None
    to: tuple[str, str, str] | None = None  # kind, namespace, name
    from_: tuple[str, str, str] | None = None
    tcp: bool = False
    traffic: bool = True
    history: bool = False


def check(
    question: Question, max_window: float, refused: tuple[Kind, ...] = ()
) -> tuple[Query, ...]:
    """One Query for each kind asked for, which is none of `refused`. Raises QueryError."""
    kinds = _kinds(question, refused)
    window = _window(question.window, max_window)
    try:
        selector = parse_selector(question.selector)
    except SelectorError as error:
        raise QueryError("labelSelector", str(error)) from None
    to = _peer("to", question.to, refused=STAT_ONLY)
    origin = _peer("from", question.from_, refused=(*STAT_ONLY, Kind.SERVICE))
    if to is not None and origin is not None:
        raise QueryError("from", "allowed only without 'to': a request has one peer")
    return tuple(
        Query(
            _ref("resource", kind, question.namespace, question.name),
            selector,
            window,
            to,
            origin,
            question.tcp,
            question.traffic,
        )
        for kind in kinds
        if not (kind is Kind.SERVICE and to is not None)
    )


def check_ref(
    field: str, kind: str, namespace: str, name: str, refused: tuple[Kind, ...] = ()
) -> Ref:
    """Objects of one kind, which is none of `refused`. Raises QueryError."""
    return _ref(field, _kind(f"{field}.kind", kind, refused=refused), namespace, name)


def _kinds(question: Question, refused: tuple[Kind, ...]) -> tuple[Kind, ...]:
    if question.kind == ALL:
        if question.name:
            raise QueryError("resource.name", f"must be empty when the kind is {ALL!r}")
        return IN_ALL
    kind = _kind("resource.kind", question.kind, also=(ALL,), refused=refused)
    if kind in RECEIVERS and question.to is not None:
        raise QueryError(
            "to", f"not allowed when rows are of kind {kind}: it receives requests and sends none"
        )
    if kind in POLICIES:
        _check_policy(kind, question)
    if kind is Kind.AUTHORITY and question.selector.strip():
        raise QueryError("labelSelector", "must be empty for authorities: they have no labels")
    return (kind,)


def _check_policy(kind: Kind, question: Question) -> None:
    """What policy lets in is counted where requests arrive, and does not say who sent them."""
    if question.from_ is not None:
        raise QueryError(
            "from",
            f"not allowed when rows are of kind {kind}: it is counted where requests arrive; "
            "'to' narrows it to the pods of one resource",
        )
    if question.to is not None and question.to[0] == Kind.SERVICE:
        raise QueryError(
            "to.kind",
            f"not allowed when rows are of kind {kind}: allowed are kinds that own pods, "
            "namespace and pod",
        )
    if question.to is not None and question.namespace:
        kind_of_peer, home, name = question.to
        there = name if kind_of_peer == Kind.NAMESPACE else home
        if there not in ("", question.namespace):
            raise QueryError(
                "to.namespace",
                f"{there!r} is not allowed: policy of {question.namespace!r} guards pods of "
                "that namespace only",
            )


def _kind(
    field: str, text: str, also: tuple[str, ...] = (), refused: tuple[Kind, ...] = ()
) -> Kind:
    allowed = [kind.value for kind in Kind if kind not in refused]
    if text not in allowed:
        raise QueryError(
            field, f"{text!r} is not a kind allowed here: {', '.join(sorted([*allowed, *also]))}"
        )
    return Kind(text)


def _peer(field: str, given: tuple[str, str, str] | None, refused: tuple[Kind, ...]) -> Ref | None:
    if given is None:
        return None
    kind, namespace, name = given
    return _ref(field, _kind(f"{field}.kind", kind, refused=refused), namespace, name)


def _ref(field: str, kind: Kind, namespace: str, name: str) -> Ref:
    if kind is Kind.NAMESPACE and namespace:
        raise QueryError(f"{field}.namespace", "must be empty for namespaces; their name is 'name'")
    if namespace and not is_dns_label(namespace):
        raise QueryError(f"{field}.namespace", f"{namespace!r} is not a namespace: {_LABEL_RULE}")
    if name and not (_AUTHORITY.fullmatch(name) if kind is Kind.AUTHORITY else is_dns_name(name)):
        raise QueryError(f"{field}.name", f"{name!r} is not a name: {_LABEL_RULE}")
    if name and not namespace and kind is not Kind.NAMESPACE:
        raise QueryError(f"{field}.name", "must be empty when all namespaces are asked for")
    return Ref(kind, namespace, name)


_AUTHORITY = re.compile(r"[A-Za-z0-9.:_\[\]-]{1,261}")
_LABEL_RULE = "allowed are lower-case letters, digits, '-', and in names '.'"


def _window(seconds: float | None, longest: float) -> float:
    if seconds is None:
        return DEFAULT_WINDOW
    if not MIN_WINDOW <= seconds <= longest:
        raise QueryError(
            "window",
            f"{seconds:g}s is not allowed: from {format_duration(MIN_WINDOW)} "
            f"to {format_duration(longest)}",
        )
    return seconds
