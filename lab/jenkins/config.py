"""A job's ``config.xml``, read as far as this server goes by it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any

from lab.jenkins.refusal import Refusal

FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"
FOLDER_XML = f"<?xml version='1.1' encoding='UTF-8'?>\n<{FOLDER}/>\n"
_MODEL = "hudson.model."
_PARAMETERS = f"properties/{_MODEL}ParametersDefinitionProperty/parameterDefinitions/*"
_ENDPOINTS = (
    "properties/com.tikal.hudson.plugins.notification.HudsonNotificationProperty"
    "/endpoints/com.tikal.hudson.plugins.notification.Endpoint"
)


@dataclass(frozen=True)
class Parameter:
    """A parameter that a build is asked for; a file has no default."""

    kind: str
    """``StringParameterDefinition`` and the like."""
    name: str
    default: str | None
    choices: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as a job's JSON shows it."""
        value = None
        if self.default is not None:
            of = self.kind.replace("Definition", "Value").replace("Choice", "String")
            value = {"_class": f"{_MODEL}{of}", "name": self.name, "value": self.default}
        shown = {"_class": f"{_MODEL}{self.kind}", "name": self.name, "type": self.kind, "description": ""}
        return {**shown, "defaultParameterValue": value} | ({"choices": self.choices} if self.choices else {})


@dataclass(frozen=True)
class Config:
    """A freestyle project, or a folder."""

    is_folder: bool
    disabled: bool = False
    concurrent: bool = False
    quiet_seconds: float = 0.0
    parameters: tuple[Parameter, ...] = ()
    steps: tuple[tuple[str, int | None], ...] = ()
    """Shell steps: the script, and the exit code that makes the build unstable."""
    artifacts: tuple[str, ...] = ()
    """Patterns, below the workspace."""
    fingerprint: bool = False
    endpoints: tuple[str, ...] = ()
    """Where the notification plugin sends what became of a build."""


def read(xml: str) -> Config:
    """Read a ``config.xml``.

    :raises Refusal: 500, as Jenkins, when it is none.
    """
    try:
        # ElementTree does not know XML 1.1, which Jenkins declares.
        root = ET.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", xml))  # noqa: S314 (the lab's own)
    except ET.ParseError as error:
        raise Refusal(500, f"Failed to parse config.xml: {error}") from None
    if root.tag == FOLDER:
        return Config(is_folder=True)
    if root.tag != "project":
        raise Refusal(500, f"No item type {root.tag!r} is installed here; a freestyle project is <project>")
    archiver = root.find("publishers/hudson.tasks.ArtifactArchiver")
    patterns = "" if archiver is None else archiver.findtext("artifacts", "")
    return Config(
        is_folder=False,
        disabled=_is(root, "disabled"),
        concurrent=_is(root, "concurrentBuild"),
        quiet_seconds=float(root.findtext("quietPeriod", "0")),
        parameters=tuple(_parameter(one) for one in root.iterfind(_PARAMETERS)),
        steps=tuple(_step(one) for one in root.iterfind("builders/hudson.tasks.Shell")),
        artifacts=tuple(one.strip() for one in patterns.split(",") if one.strip()),
        fingerprint=archiver is not None and _is(archiver, "fingerprint"),
        endpoints=tuple(one.findtext("urlInfo/urlOrId", "") for one in root.iterfind(_ENDPOINTS)),
    )


def switched(xml: str, *, disabled: bool) -> str:
    """Return the same job, enabled or disabled."""
    word = f"<disabled>{str(disabled).lower()}</disabled>"
    if re.search(r"<disabled>\w*</disabled>", xml):
        return re.sub(r"<disabled>\w*</disabled>", word, xml)
    return xml.replace("</project>", f"{word}</project>")


def _parameter(element: ET.Element) -> Parameter:
    kind, name = element.tag.removeprefix(_MODEL), element.findtext("name", "")
    if kind == "ChoiceParameterDefinition":
        choices = tuple(one.text or "" for one in element.iterfind("choices//string"))
        return Parameter(kind, name, choices[0], choices)
    return Parameter(kind, name, None if kind.startswith("File") else element.findtext("defaultValue", ""))


def _step(element: ET.Element) -> tuple[str, int | None]:
    unstable = element.findtext("unstableReturn")
    return element.findtext("command", ""), int(unstable) if unstable else None


def _is(element: ET.Element, name: str) -> bool:
    return element.findtext(name, "false").strip() == "true"
