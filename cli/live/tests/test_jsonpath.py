"""Templates of `mesh tap -o jsonpath=...`."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.live.jsonpath import TemplateError, parse

EVENT: dict[str, Any] = {
    "requestInitEvent": {"method": "GET", "path": "/{x}", "headers": [{"name": "a"}, {"name": "b"}]},
    "destination": {"port": 8080, "metadata": {"pod": "web-1", "app.kubernetes.io/name": "web"}},
    "tls": True,
}  # fmt: skip


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{.requestInitEvent.method}", "GET"),
        ("{$.requestInitEvent.method}", "GET"),
        ("{@.requestInitEvent['method']}", "GET"),
        ("{ .requestInitEvent.path }", "/{x}"),
        ('{.destination.port}:{"\\t"}{.destination.metadata.pod}', "8080:\tweb-1"),
        (r"{.destination.metadata.app\.kubernetes\.io/name}", "web"),
        (r"{.destination.metadata['app.kubernetes.io/name']}", "web"),
        (r"{.destination.metadata['app\.kubernetes\.io/name']}", "web"),
        ("{.requestInitEvent.headers[0].name}", "a"),
        ("{.requestInitEvent.headers[-1].name}", "b"),
        ("{.requestInitEvent.headers[*].name}", "a b"),
        ("{.destination.metadata.*}", "web-1 web"),
        ("{.requestInitEvent.headers[0]}", '{"name": "a"}'),
        ("{.tls}", "true"),
        ("method={.requestInitEvent.method} {.absent.deep[0]}", "method=GET "),
    ],
)
def test_filled_as_kubectl_does(template: str, said: str) -> None:
    assert parse(template).fill(EVENT) == said


@pytest.mark.parametrize(
    "template",
    ["method={.absent}", "{.requestInitEvent[0]}", "{.tls.x}", "{.requestInitEvent.headers[2]}"],
)
def test_an_event_without_any_of_it_says_nothing(template: str) -> None:
    assert parse(template).fill(EVENT) == ""


@pytest.mark.parametrize(
    "template",
    [
        "", "text", "{", "}", "{}", "{.a", "{.a}}", "{..a}", "{range .a[*]}{.b}{end}", "{.a[?(@.b==1)]}",
        "{.a[0:1]}", "{.a['b}", "{a}", '{"x}', '{"\\x"}{.a}', "{.a b}", '{"only text"}',
    ],
)  # fmt: skip
def test_what_is_not_understood_is_named(template: str) -> None:
    with pytest.raises(TemplateError, match="jsonpath"):
        parse(template)


def test_what_came_over_the_wire_stays_on_its_line() -> None:
    said = parse('{.path}{"\\n"}').fill({"path": "/a\n\x1b[2Jb"})
    assert said.count("\n") == 1
    assert said.endswith("\n")
    assert "\x1b" not in said


@given(st.text(alphabet="{}[].*'\"\\ab0-$@ ", max_size=20))
def test_any_text_is_a_template_or_refused(text: str) -> None:
    try:
        template = parse(text)
    except TemplateError:
        return
    assert isinstance(template.fill(EVENT), str)
