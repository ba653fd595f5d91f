"""The parameters that a job gets when a build of it is requested. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.flow.jenkins import JenkinsJob
from slipway.jenkins.builds import OWN, Job
from slipway.jenkins.errors import JenkinsError

FIELD = "build.jenkins.parameters"


def submission(wanted: JenkinsJob, job: Job, own: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of the request.

    Jenkins leaves out what a job does not know without a word, and waits for nobody to fill in what it asks
    for: both are errors here.

    :param own: what Slipway tells a job that asks for it; a job must ask for ``SLIPWAY_BUILD``.
    :raises JenkinsError: for a job that cannot be built so, with the cure.
    """
    if not job.buildable:
        raise JenkinsError(
            f"job {job.name} is disabled in Jenkins. Enable it there, and start the run again."
        )
    known = {one.name: one for one in job.parameters}
    if OWN not in known:
        raise JenkinsError(
            f"job {job.name} has no parameter {OWN}, by which Slipway recognises its own builds. Add a "
            "string parameter of this name to the job."
        )
    if unknown := sorted(wanted.parameters.keys() - known.keys()):
        there = ", ".join(sorted(name for name in known if name not in own)) or "none of its own"
        raise JenkinsError(
            f"{FIELD}: job {job.name} has no parameter {unknown[0]!r} (it has: {there}). "
            "Correct the name, or add it to the job."
        )
    given = {name: value for name, value in own.items() if name in known} | wanted.parameters
    for name, one in known.items():
        if name not in given and one.default is None:
            raise JenkinsError(
                f"job {job.name} needs {name}, which has no default. Set it in slipway.yaml under {FIELD}, "
                "or give it a default in Jenkins."
            )
        if one.choices and given.get(name, one.default) not in one.choices:
            raise JenkinsError(
                f"{FIELD}: {name} of job {job.name} must be one of {', '.join(one.choices)}, not "
                f"{given[name]!r}."
            )
    return given
