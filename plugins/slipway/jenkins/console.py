"""The console of a build, read as it grows.

https://www.jenkins.io/doc/book/using/remote-access-api/: ``logText/progressiveText`` says how far it read.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

from slipway.jenkins.errors import told
from slipway.jenkins.server import JenkinsServer, path_of

MOST_BYTES = 64 * 1024
"""Of a console between two looks; what is before its last so many bytes is left to Jenkins."""
_TAIL = 12
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINE = 2000


@dataclass
class BuildConsole:
    """One build's console: every call of :meth:`more` returns the lines since the one before."""

    server: JenkinsServer
    job: str
    number: int
    read: int = 0
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL))
    _rest: str = ""

    def more(self, *, ended: bool) -> list[str]:
        """Return whole lines that came since, printable; one that has not ended is kept for the next time.

        :param ended: nothing more will come.
        """
        content, left_out = self._fetch()
        text = self._rest + content.decode(errors="replace")
        lines = text.split("\n")
        self._rest = "" if ended else lines.pop()
        shown = [_CONTROL.sub("", line)[:_LINE] for line in lines]
        self.tail.extend(line for line in shown if line.strip())
        note = [f"... {left_out} bytes left out; the whole console is in Jenkins"] if left_out else []
        return note + [line for line in shown if line]

    def _fetch(self) -> tuple[bytes, int]:
        path = f"{path_of(self.job)}{self.number}/logText/progressiveText"
        what = f"the console of build {self.number} of {self.job}"
        with self.server.open(f"{path}?start={self.read}", what) as answer:
            size = int(answer.headers.get("X-Text-Size", self.read))
            left_out = max(0, size - self.read - MOST_BYTES)
            if not left_out:
                with told(what):
                    content = answer.content
                self.read = size
                return content, 0
        self.read = size - MOST_BYTES
        return self._fetch()[0], left_out
