"""``build.jenkins`` of ``slipway.yaml``: what Jenkins builds of a commit before its image is built."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from slipway.flow.fields import RepositoryPath
from slipway.flow.push import PushEvent
from slipway.flow.record import CommitId, Matching, Record, RepositoryName

JobName = Annotated[
    str,
    Matching(
        r"^(?!.*(^|/)\.{1,2}(/|$))[A-Za-z0-9._@%+ -]+(/[A-Za-z0-9._@%+ -]+)*$",
        "must be a job's full name with its folders, like team/app: letters, digits, spaces and `._@%+-`",
        max_length=255,
    ),
]
ParameterName = Annotated[
    str,
    Matching(
        r"^(?!SLIPWAY_)(?!(token|delay|cause|json)$)[A-Za-z_][A-Za-z0-9_]*$",
        "must be a parameter's name: letters, digits and `_`; SLIPWAY_... are set by Slipway, "
        "and Jenkins reserves token, delay, cause and json",
        max_length=128,
    ),
]
ParameterText = Annotated[
    str, Matching(r"^[^\x00-\x08\x0b-\x1f\x7f]*$", "must be text of at most 4096 characters", max_length=4096)
]


def _plain(path: str) -> str:
    if any(part in ("", ".") for part in path.split("/")):
        rule = "must be a file's path without `.` and without `//`, like target/app.jar"
        raise PydanticCustomError("rule", "{rule}", {"rule": rule})
    return path


BuildArtifactPath = Annotated[RepositoryPath, AfterValidator(_plain)]
"""Where Jenkins keeps an artifact of a build, and where it is put below ``into``."""


class JenkinsJob(Record):
    """A job of Jenkins that builds the commit; what it archives goes into the build context."""

    job: JobName
    """Full name: ``folder/job``."""
    parameters: dict[ParameterName, ParameterText] = {}
    """Parameters of the job. No secrets: whoever may see the job's builds can read them."""
    artifacts: tuple[BuildArtifactPath, ...] = Field(min_length=1, max_length=100)
    """Files that the job archives, with fingerprints; no patterns."""
    into: RepositoryPath = "."
    """Folder of the build context that they are put into, under their own paths."""
    size_mib: Annotated[int, Field(ge=1, le=8192)] = 512
    """The most that all of them may have together."""
    build_seconds: Annotated[int, Field(ge=30, le=86400)] = 3600
    """How long the job may take, its time in the queue included; then it is aborted."""

    @model_validator(mode="after")
    def _apart(self) -> JenkinsJob:
        for path in self.artifacts:
            if self.artifacts.count(path) > 1:
                raise ValueError(f"{path!r} is named twice among the artifacts")
            if within := next((one for one in self.artifacts if one.startswith(f"{path}/")), None):
                raise ValueError(f"{path!r} cannot be a file and the folder of {within!r}")
        return self


class Build(Record):
    """What is built outside before the image is."""

    jenkins: JenkinsJob | None = None
    """A job of Jenkins."""


class JenkinsInputs(Record):
    """What of a delegated build decides an image's bytes: a job builds a commit, so each commit anew."""

    job: str
    parameters: dict[str, str]
    artifacts: tuple[str, ...]
    into: str
    repository: RepositoryName
    commit: CommitId


class FinishedBuild(Record):
    """A build of Jenkins that succeeded, with what is asked for."""

    job: str
    number: int
    url: str
    fingerprints: tuple[str, ...]
    """MD5 of all that it archived."""


def inputs_of(job: JenkinsJob, push: PushEvent) -> JenkinsInputs:
    """Return what goes into the image's input digest."""
    return JenkinsInputs(
        job=job.job,
        parameters=job.parameters,
        artifacts=job.artifacts,
        into=job.into,
        repository=push.repository,
        commit=push.commit,
    )
