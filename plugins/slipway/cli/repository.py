"""A temporary working copy of the example application, pushed with the machine's own ``git``."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from pathlib import Path

from slipway.cli.settings import Login
from slipway.flow.record import SlipwayError

BRANCH = "main"
_SECONDS = 120


class WorkingCopy:
    """One repository of a Git server, with the files of a folder laid over it."""

    def __init__(self, folder: Path, server: Login, repository: str) -> None:
        self.folder = folder
        self._url = f"{server.url}/{repository}.git"
        self._environment = _git_environment(server)

    def create(self, files: Path) -> None:
        """Continue the remote branch where there is one, and put ``files`` in place of what it held."""
        self._git("init", "--quiet", f"--initial-branch={BRANCH}")
        self._git("remote", "add", "origin", self._url)
        if self._has_remote_branch():
            self._git("fetch", "--quiet", "--depth=1", "origin", BRANCH)
            self._git("reset", "--quiet", "--soft", "FETCH_HEAD")
        shutil.copytree(files, self.folder, dirs_exist_ok=True)

    def commit(self, message: str) -> str:
        """Commit everything; returns the commit's full id."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", f"--message={message}")
        return self._git("rev-parse", "HEAD").stdout.strip()

    def push(self) -> list[str]:
        """Push the branch; returns what the server said about it."""
        pushed = self._git("push", "--quiet", "origin", f"HEAD:refs/heads/{BRANCH}")
        lines = (line.strip() for line in pushed.stderr.splitlines())
        return [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]

    def _has_remote_branch(self) -> bool:
        # A repository without any push is an error for ls-remote; the push makes it.
        asked = self._run("ls-remote", "--exit-code", "origin", f"refs/heads/{BRANCH}")
        return asked.returncode == 0

    def _git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = self._run(*arguments)
        if done.returncode != 0:
            raise SlipwayError(
                f"git {arguments[0]} failed ({done.returncode}): {done.stderr.strip()[-600:]}\n"
                "Check that the Git server is up (`make lab-status`) and takes this login."
            )
        return done

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                ["git", *arguments],
                cwd=self.folder,
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except FileNotFoundError as error:
            raise SlipwayError("git is not installed. Install it (Debian: apt-get install git).") from error
        except subprocess.TimeoutExpired as error:
            raise SlipwayError(
                f"git {arguments[0]} did not end within {_SECONDS} s. Check that {self._url} answers."
            ) from error


def _git_environment(server: Login) -> dict[str, str]:
    """Return git's environment: the login for this server only, and nothing of the person's own settings.

    The login travels as configuration in the environment, because arguments are seen by every user of
    the machine (https://git-scm.com/docs/git-config, GIT_CONFIG_COUNT).
    """
    login = base64.b64encode(f"{server.user}:{server.password}".encode()).decode()
    settings = {
        f"http.{server.url}.extraHeader": f"Authorization: Basic {login}",
        "user.name": "Slipway demo",
        "user.email": "demo@example.invalid",
        "commit.gpgSign": "false",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    kept |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    kept["GIT_CONFIG_COUNT"] = str(len(settings))
    for index, (name, value) in enumerate(settings.items()):
        kept |= {f"GIT_CONFIG_KEY_{index}": name, f"GIT_CONFIG_VALUE_{index}": value}
    return kept
