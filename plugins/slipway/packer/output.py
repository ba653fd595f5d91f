"""Parses Packer's machine-readable output into text for people. Pure.

https://developer.hashicorp.com/packer/docs/commands#machine-readable-output
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

SHOWN = 500
TAIL = 12
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_STEP = re.compile(r"^(==>|-->) ")
_END = re.compile(r"^==> (Wait completed|Builds finished|Some builds didn't complete)")
"""The lines at the end of every build, whatever its result."""
_ERRORED = re.compile(r"^Build '[^']*' errored(?: after [0-9a-z ]+)?: ")
_SUMMARY = re.compile(r"^Some builds didn't complete")


@dataclass(frozen=True)
class OutputLine:
    """One line of output: ``kind`` is Packer's message type, ``data`` its unescaped fields."""

    target: str
    kind: str
    data: tuple[str, ...]


def parse(text: str) -> OutputLine | None:
    """Return the line that ``text`` is, or None when it is none of the machine-readable ones."""
    fields = text.split(",")
    if len(fields) < 3 or not fields[0].isdigit():
        return None
    return OutputLine(target=fields[1], kind=fields[2], data=tuple(_unescaped(field) for field in fields[3:]))


def _unescaped(field: str) -> str:
    return field.replace("%!(PACKER_COMMA)", ",").replace("\\n", "\n").replace("\\r", "\r")


@dataclass
class PackerTranscript:
    """Reads a run's lines; keeps its step, its last lines, its errors and what it made."""

    step: str = ""
    failed: str | None = None
    """The step in which the first error came: those after it tidy up."""
    builders: set[str] = field(default_factory=set)
    """Names of those that met errors, like ``openstack.server``."""
    errors: list[str] = field(default_factory=list)
    artifacts: list[str] = field(default_factory=list)
    """Ids of what was built: for the ``openstack`` builder, of an image in Glance."""
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))

    def read(self, text: str) -> Iterator[tuple[bool, str]]:
        """Yield what people want to read of one line of output: whether it is a step, and its text."""
        line = parse(text)
        if line is None:
            yield from self._said(text)
        elif line.kind == "ui" and len(line.data) > 1:
            yield from self._said(line.data[1], error=line.data[0] == "error")
        elif line.kind == "error" and line.data:
            self.builders.add(line.target)
            self._met(line.data[0])
        elif line.kind == "artifact" and line.data[1:2] == ("id",):
            self.artifacts.extend(line.data[2:3])

    def _said(self, text: str, *, error: bool = False) -> Iterator[tuple[bool, str]]:
        lines = [line for line in map(printable, text.splitlines()) if line.strip()]
        if error and lines:
            self._met(" ".join(_STEP.sub("", line) for line in lines))
        for line in lines:
            step = bool(_STEP.match(line))
            if step and not error and not _END.match(line):
                self.step = _STEP.sub("", line)
            self.tail.append(line)
            yield step, line

    def failure(self) -> str:
        """Return why the run failed: Packer's errors, the step they came in, and the last lines."""
        said = "; ".join(self._causes()) or "it gave no reason"
        last = "".join(f"\n  {line}" for line in self.tail)
        step = self.step if self.failed is None else self.failed
        at = f" at {step!r}" if step else ""
        return f"Packer failed{at}: {said[:SHOWN]}\nits last lines:{last or ' none'}"

    def _met(self, error: str) -> None:
        if self.failed is None:
            self.failed = self.step
        self.errors.append(" ".join(printable(error).split()))

    def _causes(self) -> list[str]:
        """Return each error once: Packer says most of them three times, with and without who met it."""
        met = "|".join(re.escape(builder) for builder in sorted(self.builders, key=len, reverse=True))
        who = re.compile(rf"^({met}): ") if met else None
        plain = (_ERRORED.sub("", error) for error in self.errors)
        causes = (who.sub("", error) if who else error for error in plain)
        return [cause for cause in dict.fromkeys(causes) if not _SUMMARY.match(cause)]


def printable(text: str) -> str:
    """Return ``text`` without colours and control characters, cut to what a log shows."""
    return _CONTROL.sub("", text)[: SHOWN * 4]
