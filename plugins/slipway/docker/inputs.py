"""The inputs of a container image, and the names derived from them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from slipway.flow.image import BaseImage, input_digest
from slipway.flow.jenkins import FinishedBuild, JenkinsInputs
from slipway.flow.push import PushEvent
from slipway.flow.record import Digest, Record
from slipway.flow.spec import Container

COMMIT_ARGUMENT = "SLIPWAY_COMMIT"
INPUT_LABEL = "slipway.input-digest"
JENKINS_LABEL = "slipway.jenkins-build"
REVISION_LABEL = "org.opencontainers.image.revision"
FORMAT = 1
"""Raised when Slipway's builds from the same inputs change, so that images are built again."""

_DECLARED = re.compile(rb"^\s*ARG\s+SLIPWAY_COMMIT\b", re.IGNORECASE | re.MULTILINE)


class ContainerInputs(Record):
    """Everything that decides an image's bytes."""

    dockerfile: Digest
    """Digest of the Dockerfile as committed."""
    context: Digest
    arguments: dict[str, str]
    target: str | None
    bases: tuple[BaseImage, ...] = ()
    jenkins: JenkinsInputs | None = None
    """What is handed to Jenkins, whose artifacts are not in ``context``."""

    @property
    def digest(self) -> str:
        """The input digest; where a base came from is no part of it, what it is is."""
        handed = {"jenkins": self.jenkins.to_json()} if self.jenkins else {}
        return input_digest(
            handed
            | {
                "format": FORMAT,
                "dockerfile": self.dockerfile,
                "context": self.context,
                "arguments": self.arguments,
                "target": self.target,
                "bases": {base.name: base.digest for base in self.bases},
            }
        )


def arguments(container: Container, dockerfile: bytes, push: PushEvent) -> dict[str, str]:
    """Return the build arguments: the spec's, and the commit for a Dockerfile that declares it."""
    commit = {COMMIT_ARGUMENT: push.commit} if _DECLARED.search(dockerfile) else {}
    return {**container.args, **commit}


def input_tag(digest: str) -> str:
    """Return the tag that says which inputs an image was made from; it never means another."""
    return f"in-{digest.removeprefix('sha256:')[:40]}"


def labels(
    push: PushEvent,
    source: str,
    application: str,
    committed: datetime,
    digest: str,
    jenkins: FinishedBuild | None = None,
) -> dict[str, str]:
    """Return the image's labels.

    https://github.com/opencontainers/image-spec/blob/main/annotations.md
    """
    return {
        "org.opencontainers.image.title": application,
        "org.opencontainers.image.source": source,
        REVISION_LABEL: push.commit,
        "org.opencontainers.image.created": committed.isoformat(),
        INPUT_LABEL: digest,
        **({JENKINS_LABEL: jenkins.url} if jenkins else {}),
    }


def served_from(bases: Iterable[BaseImage]) -> Mapping[str, str]:
    """Return, by the name in the Dockerfile, where each base is taken from."""
    return {base.name: base.reference for base in bases}
