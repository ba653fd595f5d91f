"""A build, from its first shell step to what is archived of it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

from lab.environment import MARK
from lab.jenkins.config import Config
from lab.jenkins.home import Build, Home
from lab.jenkins.notification import notify
from lab.jenkins.queue import now
from lab.jenkins.settings import Settings


class Running:
    """A build under way; :meth:`stop` ends it as ABORTED."""

    def __init__(self, home: Home, settings: Settings, build: Build, config: Config) -> None:
        self.build = build
        self._home = home
        self._settings = settings
        self._config = config
        self._process: asyncio.subprocess.Process | None = None
        self._stopped = ""

    def stop(self, why: str) -> None:
        """Interrupt it.

        :param why: what its console says of it.
        """
        self._stopped = why
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)

    async def run(self) -> None:
        """Run it to its end."""
        build, workspace = self.build, self._home.root / "workspace" / self.build.job
        shutil.rmtree(workspace, ignore_errors=True)
        workspace.mkdir(parents=True)
        self._say(f"Started by user {build.user}\nBuilding in workspace {workspace}\n")
        result = await self._steps(workspace)
        if result != "ABORTED" and self._config.artifacts:
            result = self._archive(workspace, result)
        build.duration = now() - build.started
        self._say(f"Finished: {result}\n")
        build.result, build.stopped_by = result, self._stopped
        self._home.keep(build)
        for endpoint in self._config.endpoints:
            told = await asyncio.to_thread(notify, self._settings, self._home, build, endpoint)
            print(f"{build.job} #{build.number} notified: {told}", flush=True)

    async def _steps(self, workspace: Path) -> str:
        result = "SUCCESS"
        for script, unstable in self._config.steps:
            code = await self._shell(script, workspace)
            if self._stopped:
                self._say(f"{self._stopped}\n")
                return "ABORTED"
            if code and code == unstable:
                result = "UNSTABLE"
            elif code:
                self._say("Build step 'Execute shell' marked build as failure\n")
                return "FAILURE"
        return result

    async def _shell(self, script: str, workspace: Path) -> int:
        if self._stopped:
            return 0
        with self._home.console(self.build).open("ab") as console:
            self._process = await asyncio.create_subprocess_exec(
                *("/bin/sh", "-xe", "-c", script),
                cwd=workspace,
                env=self._environment(workspace),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        code = await self._process.wait()
        with contextlib.suppress(ProcessLookupError):  # what the step left running, as Jenkins does
            os.killpg(self._process.pid, signal.SIGKILL)
        return code

    def _environment(self, workspace: Path) -> Mapping[str, str]:
        build = self.build
        own = {
            "PATH": os.environ["PATH"],
            "HOME": str(workspace),
            "LANG": "C.UTF-8",
            "JENKINS_URL": self._settings.url,
            "JOB_NAME": build.job,
            "BUILD_NUMBER": str(build.number),
            "BUILD_TAG": f"jenkins-{build.job.replace('/', '-')}-{build.number}",
            "WORKSPACE": str(workspace),
        }
        marked = {name: os.environ[name] for name in (MARK,) if name in os.environ}
        return {**own, **self._settings.environment, **build.parameters, **marked}

    def _archive(self, workspace: Path, result: str) -> str:
        self._say("Archiving artifacts\n")
        found = [path for one in self._config.artifacts for path in workspace.glob(one) if path.is_file()]
        if not found:
            wanted = ",".join(self._config.artifacts)
            self._say(f'No artifacts found that match the file pattern "{wanted}"\n')
            return "FAILURE"
        for path in found:
            kept = self._home.archive(self.build) / path.relative_to(workspace)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, kept)
            if self._config.fingerprint:
                digest = hashlib.md5(kept.read_bytes(), usedforsecurity=False).hexdigest()
                self.build.fingerprints.append({"fileName": path.name, "hash": digest})
        return result

    def _say(self, text: str) -> None:
        with self._home.console(self.build).open("a") as console:
            console.write(text)
