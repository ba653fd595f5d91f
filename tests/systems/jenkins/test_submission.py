"""What a job is told, and what of its parameters is refused before it is."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.flow.jenkins import JenkinsJob
from slipway.jenkins.builds import Job, Parameter, get_job
from slipway.jenkins.errors import JenkinsError
from slipway.jenkins.submission import submission
from tests.systems.jenkins.clients import PythonJenkins
from tests.systems.jenkins.conftest import TOKEN, USER, Served
from tests.systems.jenkins.product import connected, made

OWN = {"SLIPWAY_BUILD": "abc", "SLIPWAY_COMMIT": "c" * 40}


def job(*parameters: Parameter, buildable: bool = True, finds: bool = True) -> Job:
    own = [Parameter(name="SLIPWAY_BUILD", default="")] if finds else []
    return Job(name="team/app", buildable=buildable, parameters=(*own, *parameters))


def wanted(**parameters: str) -> JenkinsJob:
    return JenkinsJob(job="team/app", artifacts=("a",), parameters=parameters)


def test_a_job_is_told_what_it_asks_for() -> None:
    assert submission(wanted(), job(), OWN) == {"SLIPWAY_BUILD": "abc"}
    plain = Parameter(name="PROFILE", default="debug")
    asked = job(plain, Parameter(name="SLIPWAY_COMMIT", default=""))
    assert submission(wanted(PROFILE="release"), asked, OWN) == OWN | {"PROFILE": "release"}


REFUSED: dict[str, tuple[Job, dict[str, str], str]] = {
    "disabled": (job(buildable=False), {}, "is disabled in Jenkins. Enable it"),
    "not prepared": (job(finds=False), {}, "has no parameter SLIPWAY_BUILD.*Add a string parameter"),
    "unknown": (
        job(Parameter(name="B", default="")),
        {"A": "1"},
        r"has no parameter 'A' \(it has: B\).*Correct the name",
    ),
    "asks": (job(Parameter(name="KEY", default=None)), {}, "needs KEY, which has no default. Set it"),
    "no choice": (
        job(Parameter(name="C", default="x", choices=("x", "y"))),
        {"C": "z"},
        "C of job team/app must be one of x, y, not 'z'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_jenkins_would_not_say(case: str) -> None:
    asked, parameters, said = REFUSED[case]
    with pytest.raises(JenkinsError, match=said):
        submission(wanted(**parameters), asked, OWN)


def test_a_job_is_read_as_jenkins_describes_it(served: Served) -> None:
    name = made(served, parameters=("SLIPWAY_BUILD",), choices=("x", "y"), asks=True)
    server = connected(served.url)
    found = get_job(server, name)
    assert found == Job(
        name=name,
        buildable=True,
        parameters=(
            Parameter(name="SLIPWAY_BUILD", default=""),
            Parameter(name="CHOICE", default="x", choices=("x", "y")),
            Parameter(name="KEYSTORE", default=None),
        ),
    )
    PythonJenkins(served.url, USER, TOKEN).switch(name, on=False)
    assert get_job(server, name).buildable is False
    with pytest.raises(JenkinsError, match="is a folder"):
        get_job(server, name.partition("/")[0])
    none: Any = get_job(server, made(served, parameters=()))
    assert none.parameters == ()
