"""Every result that a build can have, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.jenkins.builds import BuildState
from slipway.jenkins.errors import JenkinsError
from slipway.jenkins.verdict import finished
from tests.systems.jenkins.product import wanted

TAIL = "compiling\n1 of 3 tests failed"


def state(**fields: Any) -> BuildState:
    usual = {"job": "team/app", "number": 7, "url": "https://jenkins/job/team/job/app/7/", "building": False}
    kept = {"artifacts": ("out/app.txt", "out/other.txt"), "fingerprints": ("b" * 32, "a" * 32)}
    return BuildState.model_validate(usual | kept | {"result": "SUCCESS"} | fields)


def test_success() -> None:
    build = finished(state(), wanted("team/app"), TAIL)
    assert (build.number, build.url) == (7, "https://jenkins/job/team/job/app/7/")
    assert set(build.fingerprints) == {"a" * 32, "b" * 32}


SAID: dict[str, tuple[dict[str, Any], str]] = {
    "unstable": (
        {"result": "UNSTABLE"},
        r"build 7 of team/app is UNSTABLE: it finished, but its tests failed.*"
        r"https://jenkins/job/team/job/app/7/\nits last lines:\n  compiling\n  1 of 3 tests failed",
    ),
    "failure": ({"result": "FAILURE"}, r"is FAILURE: repair what failed, and push.*\nits last lines:"),
    "aborted": ({"result": "ABORTED"}, "was ABORTED: by a person.*shut down. Start the run again"),
    "by": ({"result": "ABORTED", "stopped": "Aborted by alice"}, "was ABORTED: Aborted by alice. Start"),
    "not built": ({"result": "NOT_BUILT"}, "is NOT_BUILT: Jenkins ran none of its steps"),
    "another": ({"result": "STRANGE"}, "is STRANGE: its artifacts are not used"),
    "no artifact": (
        {"artifacts": ("other.jar",)},
        r"has not archived out/app.txt \(it archived: other.jar\). Correct build.jenkins.artifacts",
    ),
    "none at all": ({"artifacts": ()}, "it archived: nothing"),
    "no fingerprint": ({"fingerprints": ()}, "has no fingerprints.*fingerprint: true"),
}


@pytest.mark.parametrize("case", SAID)
def test_anything_else_says_what_it_means_and_what_to_do(case: str) -> None:
    fields, said = SAID[case]
    with pytest.raises(JenkinsError, match=f"(?s){said}"):
        finished(state(**fields), wanted("team/app"), TAIL)
