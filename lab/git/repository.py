"""Where a repository lives, which names are allowed, and the settings all of them share."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab.git.payload import NUMBER_FILE, number_of
from lab.patience import stretched

OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}")
NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
RESERVED = re.compile(r"\.+|.*\.(git|lock)", re.IGNORECASE)

SETTINGS = """\
[core]
\thooksPath = {hooks}
[http]
\treceivepack = true
\tgetanyfile = false
[init]
\tdefaultBranch = main
[uploadpack]
\tallowReachableSHA1InWant = true
\tallowAnySHA1InWant = false
[receive]
\tfsckObjects = true
[gc]
\tauto = 0
[safe]
\tdirectory = *
"""


class RepositoryNameError(ValueError):
    """The name is not one a code registry would give."""


@dataclass(frozen=True)
class Repositories:
    """All repositories below one folder: ``<root>/<owner>/<name>.git``."""

    root: Path

    def find(self, full_name: str) -> Path | None:
        """Return the bare repository of ``owner/name``, or None before the first push.

        :raises RepositoryNameError: when the name could not be a repository's.
        """
        path = self.path(full_name)
        return path if (path / "HEAD").is_file() else None

    def ensure(self, full_name: str) -> Path:
        """Return the bare repository of ``owner/name``, made now if need be.

        It is made aside and renamed into place: two first pushes at once find one whole repository.

        :raises RepositoryNameError: when the name could not be a repository's.
        """
        found = self.find(full_name)
        if found:
            return found
        path = self.path(full_name)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".new-", dir=self.root))
        try:
            subprocess.run(
                ["git", "init", "--quiet", "--bare", "--initial-branch=main", "--", str(aside)],
                check=True,
                timeout=stretched(30),
            )
            aside.chmod(0o755)
            with contextlib.suppress(OSError):  # another first push has won the race
                aside.rename(path)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return path

    def rename(self, full_name: str, new_name: str) -> None:
        """Give a repository another name; it keeps its number, and its former name leads to it.

        :raises RepositoryNameError: when the new name is another repository's, or could not be one's.
        """
        path, new = self.path(full_name).resolve(), self.path(new_name)
        if new.exists() and new.resolve() != path:
            raise RepositoryNameError(f"{new_name} is another repository; choose a free name")
        (path / NUMBER_FILE).write_text(str(number_of(self.name_of(path), path)))
        new.unlink(missing_ok=True)  # a former name of its own
        new.parent.mkdir(parents=True, exist_ok=True)
        path.rename(new)
        path.symlink_to(new)

    def name_of(self, path: Path) -> str:
        """Return the present ``owner/name`` of the repository at a path, also that of a former name."""
        return str(path.resolve().relative_to(self.root.resolve())).removesuffix(".git")

    def path(self, full_name: str) -> Path:
        """Return where ``owner/name`` is kept, whether it exists or not.

        :raises RepositoryNameError: when the name could not be a repository's.
        """
        owner, _, name = full_name.partition("/")
        if not (OWNER.fullmatch(owner) and NAME.fullmatch(name)) or RESERVED.fullmatch(name):
            raise RepositoryNameError(
                f"{full_name[:150]!r} is not a repository name; use owner/name of letters, digits, '-', "
                "'_', '.'"
            )
        return self.root / owner / f"{name}.git"


def write_settings(folder: Path, hook_command: list[str]) -> Path:
    """Write the Git settings file and the hook that every repository shares; return the file's path.

    ``hook_command`` is run as each repository's ``post-receive``.
    """
    hooks = folder / "hooks"
    hooks.mkdir(parents=True, exist_ok=True)
    hook = hooks / "post-receive"
    hook.write_text("#!/bin/sh\nexec " + " ".join(map(_quoted, hook_command)) + "\n")
    hook.chmod(0o755)
    settings = folder / "gitconfig"
    settings.write_text(SETTINGS.format(hooks=_config_value(hooks)))
    return settings


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def _config_value(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
