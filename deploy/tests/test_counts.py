import json
from pathlib import Path

import pytest

from deploy.counts import Counts, count, main, result_files

MIXED = """<testsuites><testsuite>
<testcase name="a"/><testcase name="b"><failure>no</failure></testcase>
<testcase name="c"><error>no</error></testcase><testcase name="d"><skipped/></testcase>
</testsuite></testsuites>"""


def test_each_case_is_counted_once_by_its_outcome() -> None:
    assert count(MIXED) == Counts(passed=1, failed=2, skipped=1)


def test_a_result_file_that_cannot_be_read_is_a_failure() -> None:
    assert count("<testsuites><testsuite>") == Counts(failed=1)


def test_only_the_result_files_of_tests_are_read_from_the_account() -> None:
    events = [
        json.dumps({"progress": {}}),
        json.dumps(
            {
                "testResult": {
                    "testActionOutput": [
                        {"name": "test.log", "uri": "file:///out/test.log"},
                        {"name": "test.xml", "uri": "file:///out/a%20b/test.xml"},
                    ]
                }
            }
        ),
    ]
    assert list(result_files(events)) == [Path("/out/a b/test.xml")]


@pytest.mark.parametrize(
    ("xml", "line", "status"),
    [
        ("<t><testcase/></t>", "1 passed, 0 failed\n", 0),
        ("<t></t>", "0 passed, 0 failed\n", 1),
        (MIXED, "1 passed, 2 failed, 1 skipped\n", 1),
    ],
)
def test_the_closing_line_and_the_exit_status(
    xml: str, line: str, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = tmp_path / "test.xml"
    result.write_text(xml)
    account = tmp_path / "events"
    output = {"name": "test.xml", "uri": result.as_uri()}
    account.write_text(json.dumps({"testResult": {"testActionOutput": [output]}}) + "\n")
    assert main([str(account)]) == status
    assert capsys.readouterr().out == line


def test_a_result_file_may_be_named_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = tmp_path / "results.xml"
    result.write_text("<t><testcase/><testcase/></t>")
    assert main([str(result)]) == 0
    assert capsys.readouterr().out == "2 passed, 0 failed\n"
