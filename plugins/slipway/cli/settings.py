"""Where the command finds its servers: options, then the environment, then the lab's ``.lab/env``."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from slipway.flow.record import SlipwayError

LAB_ENV = Path(".lab/env")


@dataclass(frozen=True)
class Login:
    """A server, and who asks it."""

    url: str
    user: str
    password: str = field(repr=False)


def environment(start: Path) -> dict[str, str]:
    """Return the variables that name servers: the process's own, or those of the nearest ``.lab/env``.

    They are never mixed: a file that someone else put into a directory must not be able to name the
    server that the login of this process goes to.
    """
    if "AIRFLOW_URL" not in os.environ:
        for folder in (start, *start.parents):
            if (path := folder / LAB_ENV).is_file():
                return parse_exports(path.read_text())
    return dict(os.environ)


def parse_exports(text: str) -> dict[str, str]:
    """Read ``export NAME=value`` lines as a POSIX shell would, without expanding anything."""
    found = {}
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        for word in words[1:] if words[:1] == ["export"] else words:
            name, equals, value = word.partition("=")
            if equals:
                found[name] = value
    return found


def airflow(variables: Mapping[str, str], url: str | None = None, user: str | None = None) -> Login:
    """Return Airflow's address and login.

    :raises SlipwayError: when one of the three is not known.
    """
    known = dict(variables)
    known |= {name: value for name, value in (("AIRFLOW_URL", url), ("AIRFLOW_USER", user)) if value}
    return login(known, "AIRFLOW_URL", "AIRFLOW_USER", "AIRFLOW_PASSWORD")


def login(variables: Mapping[str, str], url: str, user: str, password: str) -> Login:
    """Return the login kept under these three names.

    :raises SlipwayError: when a name is not set.
    """
    if missing := [name for name in (url, user, password) if not variables.get(name)]:
        raise SlipwayError(
            f"{', '.join(missing)} not set. Set it in the environment, or run `make lab-up` "
            "and call this command inside the checkout (it reads .lab/env)."
        )
    return Login(variables[url].rstrip("/"), variables[user], variables[password])
