"""The meaning of an ended Jenkins build for the pipeline. Pure."""

from __future__ import annotations

from slipway.flow.jenkins import FinishedBuild, JenkinsJob
from slipway.jenkins.builds import BuildState
from slipway.jenkins.errors import JenkinsError

MEANINGS = {
    "UNSTABLE": "it finished, but its tests failed, so its artifacts are not used. Repair what the tests "
    "found, and push",
    "FAILURE": "repair what failed, and push; or start the run again if the fault was in Jenkins",
    "NOT_BUILT": "Jenkins ran none of its steps. Check the job's conditions",
}
ABORTED = (
    "by a person, by a time limit of the job, or because Jenkins was shut down. Start the run again to "
    "request a new build"
)


def finished(build: BuildState, wanted: JenkinsJob, tail: str) -> FinishedBuild:
    """Return the build when it succeeded and archived the wanted artifacts.

    :param tail: the last lines of its console.
    :raises JenkinsError: with the build's result, what it means and what to do.
    """
    name = f"Jenkins' build {build.number} of {build.job}"
    if build.result == "ABORTED":
        why = f"{build.stopped}. Start the run again for a new build" if build.stopped else ABORTED
        raise JenkinsError(f"{name} was ABORTED: {why}. {build.url}{_quoted(tail)}")
    if build.result != "SUCCESS":
        meaning = MEANINGS.get(str(build.result), "its artifacts are not used")
        raise JenkinsError(f"{name} is {build.result}: {meaning}. {build.url}{_quoted(tail)}")
    if missing := [path for path in wanted.artifacts if path not in build.artifacts]:
        there = ", ".join(build.artifacts[:20]) or "nothing"
        raise JenkinsError(
            f"{name} succeeded, but has not archived {missing[0]} (it archived: {there}). Correct "
            "build.jenkins.artifacts, or archive it in the job."
        )
    if not build.fingerprints:
        raise JenkinsError(
            f"{name} has no fingerprints to check its artifacts. Archive with fingerprints in the job: "
            "archiveArtifacts(..., fingerprint: true), or the checkbox in a freestyle project."
        )
    return FinishedBuild(
        job=build.job, number=build.number, url=build.url, fingerprints=tuple(set(build.fingerprints))
    )


def _quoted(tail: str) -> str:
    lines = tail.splitlines()
    return "\nits last lines:" + "".join(f"\n  {line}" for line in lines) if lines else ""
