"""Reads a machine's serial console. Pure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

KEPT = 256 * 1024
"""Characters that are searched for what the machine is to say."""
TAIL = 20
SHOWN = 300
_CONTROL = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>cM78])|[\x00-\x08\x0b-\x1f\x7f]")
_OF_QEMU = re.compile(r"qemu-system-\S+: terminating on signal.*")


@dataclass
class SerialConsole:
    """Reads pieces; knows what was said, and the last lines."""

    said: str = ""
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))
    _line: str = ""

    def read(self, piece: str) -> Iterator[str]:
        """Take a piece; yield the lines that it ended, as people read them."""
        self.said = (self.said + piece)[-KEPT:]
        *whole, self._line = (self._line + piece).split("\n")
        for text in whole:
            if line := _readable(text):
                self.tail.append(line)
                yield line

    def lacks(self, wanted: Iterable[str]) -> list[str]:
        """Return those of ``wanted`` that it has not said."""
        return [text for text in wanted if text not in self.said]

    @property
    def begun(self) -> str:
        """The line that it has not ended yet, such as ``login:``."""
        return _readable(self._line)

    @property
    def last_lines(self) -> list[str]:
        """The end of what it printed, the line that was begun included."""
        return [*self.tail, *filter(None, [self.begun])]


def _readable(text: str) -> str:
    return _OF_QEMU.sub("", _CONTROL.sub("", text))[:SHOWN].strip()
