"""What a build of Jenkins that has ended means for the pipeline. Pure."""

from __future__ import annotations

from slipway.flow.jenkins import FinishedBuild, JenkinsJob
from slipway.jenkins.builds import BuildState
from slipway.jenkins.errors import JenkinsError

MEANINGS = {
    "UNSTABLE": "it ran to its end and its tests did not pass, so what it built is not used. Repair what "
    "they found, and push",
    "FAILURE": "repair what failed, and push; or start the run again when it was Jenkins' own trouble",
    "NOT_BUILT": "Jenkins ran none of its steps. Look into the job's conditions",
}
ABORTED = (
    "by somebody, by a time limit of the job, or because Jenkins was shut down. Start the run again, "
    "it asks for a new build"
)


def finished(build: BuildState, wanted: JenkinsJob, tail: str) -> FinishedBuild:
    """Return the build when it succeeded and archived what is wanted.

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
            f"{name} succeeded and has not archived {missing[0]} (it archived: {there}). "
            "Correct build.jenkins.artifacts, or archive it in the job."
        )
    if not build.fingerprints:
        raise JenkinsError(
            f"{name} has no fingerprints, by which its artifacts are checked. Have the job archive with "
            "fingerprints: archiveArtifacts(..., fingerprint: true), or the box in a freestyle project."
        )
    return FinishedBuild(
        job=build.job, number=build.number, url=build.url, fingerprints=tuple(set(build.fingerprints))
    )


def _quoted(tail: str) -> str:
    lines = tail.splitlines()
    return "\nits last lines:" + "".join(f"\n  {line}" for line in lines) if lines else ""
