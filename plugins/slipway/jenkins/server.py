"""One Jenkins: requests by python-jenkins, with the statuses that its own methods do not tell apart.

https://python-jenkins.readthedocs.io/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import jenkins
import requests

from slipway.jenkins.errors import DeniedError, JenkinsError, told


def path_of(job: str) -> str:
    """Return the path of a job below the server's address."""
    return "".join(f"job/{quote(name, safe='')}/" for name in job.split("/"))


@dataclass(frozen=True)
class JenkinsServer:
    """A login at one Jenkins."""

    client: jenkins.Jenkins
    notifies: bool = False
    """Builds notify Slipway's webhook of their end."""

    def read(self, path: str, what: str, **query: str) -> dict[str, Any]:
        """Return what ``<path>api/json`` says.

        :param what: how errors call it.
        :raises JenkinsError: permanently; its subclasses say why.
        :raises TransientJenkinsError: when it may come right, as after a restart.
        """
        text = self._send("GET", f"{path}api/json?{urlencode(query)}", what).text
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise JenkinsError(
                f"{self.client.server} does not answer like Jenkins. Set Jenkins' own URL in connection "
                "slipway_jenkins, one without a login page in front of it."
            )
        return found

    def post(self, path: str, what: str, form: Mapping[str, str] | None = None) -> requests.Response:
        """Ask for a change.

        A crumb is bound to a session, and a restart of Jenkins ends all sessions: it is fetched anew once.

        :raises SlipwayError: as :meth:`read`.
        """
        try:
            return self._send("POST", path, what, form)
        except DeniedError:
            self.client.crumb = None
            return self._send("POST", path, what, form)

    def open(self, path: str, what: str) -> requests.Response:
        """Return an answer whose body is still to be read; close it.

        :raises SlipwayError: as :meth:`read`.
        """
        return self._send("GET", path, what, stream=True)

    def version(self) -> str:
        """Return the server's version, once it took the login."""
        return str(
            self._send("GET", "me/api/json", "the user").headers.get("X-Jenkins", "of unknown version")
        )

    def _send(
        self,
        method: str,
        path: str,
        what: str,
        form: Mapping[str, str] | None = None,
        *,
        stream: bool = False,
    ) -> requests.Response:
        # As it is kept: a proxy's compression would neither be a file's length nor its bytes.
        request = requests.Request(
            method, f"{self.client.server}{path}", data=form, headers={"Accept-Encoding": "identity"}
        )
        with told(what):
            answer: requests.Response = self.client.jenkins_request(
                request, add_crumb=method == "POST", stream=stream
            )
            return answer
