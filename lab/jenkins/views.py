"""Jobs, items and builds as JSON: https://www.jenkins.io/doc/book/using/remote-access-api/."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from lab.jenkins.config import FOLDER
from lab.jenkins.home import Build
from lab.jenkins.queue import Item
from lab.jenkins.server import Jenkins

PROJECT, BUILD = "hudson.model.FreeStyleProject", "hudson.model.FreeStyleBuild"
COLORS = {"SUCCESS": "blue", "UNSTABLE": "yellow", "FAILURE": "red"}
Json = dict[str, Any]


def path_of(job: str) -> str:
    """Return the path below the root at which a job is."""
    return "".join(f"job/{name}/" for name in job.split("/") if name)


class Views:
    """What clients see of one Jenkins.

    ``full`` has what is below shown as well, which else is only named: clients ask by ``tree`` or ``depth``.
    """

    def __init__(self, jenkins: Jenkins) -> None:
        self._jenkins = jenkins
        self._home = jenkins.home

    def root(self, full: bool) -> Json:
        """The server."""
        return {
            "_class": "hudson.model.Hudson",
            "mode": "NORMAL",
            "nodeDescription": "the Jenkins controller's built-in node",
            "numExecutors": self._jenkins.settings.executors,
            "quietingDown": self._jenkins.quieting_down,
            "url": self._jenkins.settings.url,
            "useCrumbs": True,
            "jobs": self._children("", full),
        }

    def job(self, name: str, full: bool) -> Json:
        """A job or folder."""
        config = self._jenkins.job(name)
        named = self.named(name) | {"fullName": name, "displayName": name.rpartition("/")[2]}
        if config.is_folder:
            return named | {"jobs": self._children(name, full)}
        builds = self._home.builds(name)[:100]
        last = next((build for build in builds if not build.building), None)
        parameters = [one.to_json() for one in config.parameters]
        queued = next((item for item in self._jenkins.queue if item.job == name), None)
        return named | {
            "buildable": not config.disabled,
            "color": "disabled" if config.disabled else _color(last),
            "concurrentBuild": config.concurrent,
            "inQueue": queued is not None,
            "queueItem": None if queued is None else self.item(queued),
            "nextBuildNumber": self._home.next_number(name),
            "property": [
                {"_class": "hudson.model.ParametersDefinitionProperty", "parameterDefinitions": parameters}
            ][: len(parameters)],
            "builds": [self.build(build, True) if full else self._ref(build) for build in builds],
            "allBuilds": [self._ref(build) for build in builds],
            "firstBuild": self._ref(builds[-1]) if builds else None,
            "lastBuild": self._ref(builds[0]) if builds else None,
            "lastCompletedBuild": self._ref(last) if last else None,
        }

    def named(self, name: str) -> Json:
        """A job as lists name it."""
        config = self._jenkins.job(name)
        return {
            "_class": FOLDER if config.is_folder else PROJECT,
            "name": name.rpartition("/")[2],
            "url": self._jenkins.settings.url + path_of(name),
        }

    def item(self, item: Item) -> Json:
        """An item of the queue."""
        kind, why = self._jenkins.why(item)
        shown: Json = {
            "_class": f"hudson.model.Queue${kind}",
            "id": item.id,
            "url": f"queue/item/{item.id}/",
            "task": self.named(item.job) if self._home.find(item.job) else None,
            "actions": self._actions(item.parameters, item.user),
            "inQueueSince": item.since,
            "blocked": kind == "BlockedItem",
            "buildable": kind == "BuildableItem",
            "stuck": False,
            "params": "".join(f"\n{name}={value}" for name, value in item.parameters.items()),
            "why": why or None,
        }
        if kind != "LeftItem":
            return shown
        build = None if item.number is None else self._ref(self._home.build(item.job, item.number))
        return shown | {"cancelled": item.cancelled, "executable": build}

    def build(self, build: Build, full: bool) -> Json:
        """A build; its fingerprints only when it is full, as in Jenkins."""
        stopped = {
            "_class": "jenkins.model.InterruptedBuildAction",
            "causes": [
                {
                    "_class": "jenkins.model.CauseOfInterruption$UserInterruption",
                    "shortDescription": build.stopped_by,
                }
            ],
        }
        by_user = [stopped] if build.stopped_by.startswith("Aborted by") else []
        artifacts = [
            {"displayPath": path.name, "fileName": path.name, "relativePath": str(path)}
            for path in map(PurePosixPath, self._home.artifacts(build))
        ]
        shown = self._ref(build) | {
            "actions": self._actions(build.parameters, build.user) + by_user,
            "artifacts": artifacts,
            "building": build.building,
            "displayName": f"#{build.number}",
            "fullDisplayName": f"{build.job.replace('/', ' » ')} #{build.number}",
            "id": str(build.number),
            "duration": build.duration,
            "queueId": build.queue_id,
            "result": build.result,
            "timestamp": build.started,
        }
        return shown | ({"fingerprint": build.fingerprints} if full else {})

    def queue(self) -> Json:
        """All that waits."""
        return {"_class": "hudson.model.Queue", "items": [self.item(item) for item in self._jenkins.queue]}

    def node(self) -> Json:
        """The one node."""
        running = [self._ref(one.build) for one in self._jenkins.running.values()]
        idle = [None] * (self._jenkins.settings.executors - len(running))
        executors = [{"currentExecutable": one, "number": n} for n, one in enumerate([*running, *idle])]
        return {
            "_class": "hudson.model.Hudson$MasterComputer",
            "displayName": "Built-In Node",
            "offline": False,
            "executors": executors,
            "oneOffExecutors": [],
        }

    def _children(self, name: str, full: bool) -> list[Json]:
        children = self._home.children(name)
        return [self.job(child, full) if full else self.named(child) for child in children]

    def _ref(self, build: Build) -> Json:
        url = f"{self._jenkins.settings.url}{path_of(build.job)}{build.number}/"
        return {"_class": BUILD, "number": build.number, "url": url}

    def _actions(self, parameters: dict[str, str], user: str) -> list[Json]:
        kind = "hudson.model.StringParameterValue"
        values = [{"_class": kind, "name": name, "value": value} for name, value in parameters.items()]
        cause = {
            "_class": "hudson.model.Cause$UserIdCause",
            "shortDescription": f"Started by user {user}",
            "userId": user,
        }
        asked = [{"_class": "hudson.model.ParametersAction", "parameters": values}] if values else []
        return [*asked, {"_class": "hudson.model.CauseAction", "causes": [cause]}]


def _color(last: Build | None) -> str:
    return "notbuilt" if last is None else COLORS.get(last.result or "", "aborted")
