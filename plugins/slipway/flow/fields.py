"""Types of single fields in an application's ``slipway.yaml``."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from slipway.flow.record import Matching


def _inside(path: str) -> str:
    parts = path.split("/")
    if path.startswith("/") or ".." in parts:
        rule = "must stay inside the repository: a path relative to its root, no leading `/`, no `..`"
        raise PydanticCustomError("rule", "{rule}", {"rule": rule})
    if any(part.casefold() == ".git" for part in parts):
        rule = "must not lead into .git: name a file of the commit"
        raise PydanticCustomError("rule", "{rule}", {"rule": rule})
    return path


RepositoryPath = Annotated[
    str,
    AfterValidator(_inside),
    Matching(
        r"^[A-Za-z0-9._@+][A-Za-z0-9._/@+ -]*$",
        "must be a path inside the repository, of letters, digits, spaces and `._/@+-`, not starting with -",
        max_length=255,
    ),
]
"""A path inside the repository: relative, without ``..``."""

EnvName = Annotated[
    str,
    Matching(
        r"^[A-Za-z_][A-Za-z0-9_]*$",
        "must be the name of an environment variable: letters, digits and `_`, not starting with a digit",
        max_length=128,
    ),
]
HttpPath = Annotated[
    str,
    Matching(r"^/[!-~]*$", "must be the path of a URL, starting with `/`, like /healthz", max_length=1024),
]
Quantity = Annotated[
    str,
    Matching(
        r"^[0-9]{1,15}(\.[0-9]{1,9})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$",
        'must be a quantity as Kubernetes writes it, in quotes when it is only digits: 100m, "2", 128Mi',
    ),
]
PortName = Annotated[
    str,
    Matching(
        r"^[a-z]([-a-z0-9]{0,13}[a-z0-9])?$",
        "must be a port's name: at most 15 lower-case letters, digits and `-`, starting with a letter",
    ),
]
PortNumber = Annotated[int, Field(ge=1, le=65535)]
KeyName = Annotated[
    str,
    Matching(
        r"^(?!\.{1,2}$)[-._a-zA-Z0-9]{1,253}$",
        "must be a key of a ConfigMap or Secret: at most 253 letters, digits, `-`, `_` and `.`",
    ),
]
MountPath = Annotated[
    str,
    Matching(
        r"^/(?!.*(^|/)\.\.(/|$))[A-Za-z0-9._/-]+$",
        "must be an absolute path inside the container, without `..`, like /etc/app",
        max_length=255,
    ),
]
StageName = Annotated[
    str, Matching(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", "must be the name of a build stage", max_length=128)
]
