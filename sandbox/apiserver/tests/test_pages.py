from dataclasses import replace

import pytest

from sandbox.apiserver import pages
from sandbox.apiserver.errors import BadRequestError, GoneError, InvalidError
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.pages import MOST_BEGUN, Pages, Wanted

ITEMS: list[Obj] = [{"metadata": {"name": f"m{number}"}} for number in range(5)]
TWO = Wanted(limit=2, token="", revision=0)


def test_pages_go_on_to_the_end_at_one_revision() -> None:
    begun = Pages()
    page = begun.first(ITEMS, 7, TWO)
    seen, rest = list(page.items), [page.remaining]
    while page.token:
        following = begun.resume(replace(TWO, token=page.token))
        assert following is not None
        page = following
        seen += page.items
        rest.append(page.remaining)
        assert page.revision == 7
    assert seen == ITEMS
    assert rest == [3, 1, 0]


def test_a_page_can_be_asked_for_again() -> None:
    begun = Pages()
    token = begun.first(ITEMS, 7, TWO).token
    first, second = (begun.resume(replace(TWO, token=token)) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.items == second.items


def test_what_is_all_there_is_has_no_token() -> None:
    for limit in (0, 5, 6):
        assert Pages().first(ITEMS, 7, replace(TWO, limit=limit)).metadata(counted=True) == {}


def test_only_a_whole_list_says_how_much_remains() -> None:
    page = Pages().first(ITEMS, 7, TWO)
    assert page.metadata(counted=True) == {"continue": page.token, "remainingItemCount": 3}
    assert page.metadata(counted=False) == {"continue": page.token}


def test_of_too_many_lists_the_oldest_is_forgotten() -> None:
    begun = Pages()
    tokens = [begun.first(ITEMS, 7, TWO).token for _ in range(MOST_BEGUN + 1)]
    with pytest.raises(GoneError):
        begun.resume(replace(TWO, token=tokens[0]))
    assert begun.resume(replace(TWO, token=tokens[1])) is not None


def test_a_token_of_another_make_is_refused() -> None:
    with pytest.raises(BadRequestError):
        Pages().resume(replace(TWO, token="nonsense"))


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"resourceVersionMatch": "Exact"}, InvalidError),
        ({"resourceVersionMatch": "Exact", "resourceVersion": "0"}, InvalidError),
        ({"resourceVersionMatch": "Roughly", "resourceVersion": "1"}, InvalidError),
        ({"resourceVersionMatch": "Exact", "continue": "x"}, InvalidError),
        ({"continue": "x", "resourceVersion": "5"}, BadRequestError),
        ({"limit": "many"}, BadRequestError),
        ({"resourceVersion": "x"}, BadRequestError),
    ],
    ids=str,
)
def test_what_cannot_be_meant_together(query: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        pages.wanted(query)


def test_an_exact_version_is_a_revision() -> None:
    assert pages.wanted({"resourceVersion": "5", "resourceVersionMatch": "Exact"}).revision == 5
    assert pages.wanted({"resourceVersion": "5"}).revision == 0
