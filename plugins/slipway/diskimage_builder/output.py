"""Parses diskimage-builder's output for people: which element's script runs, and how it ended. Pure.

Its scripts are run by ``dib-run-parts``, which says ``Running PATH/PHASE.d/SCRIPT`` and ``SCRIPT completed``.
https://docs.openstack.org/diskimage-builder/latest/developer/developing_elements.html#phase-subdirectories
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

SHOWN = 2000
TAIL = 25
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_RUNNING = re.compile(r"^dib-run-parts Running \S*/(?P<script>[\w-]+\.d/[^/\s]+)$")
_COMPLETED = re.compile(r"^dib-run-parts (?P<name>\S+) completed$")
_PHASE = re.compile(r"^Running hooks from \S*/(?P<phase>[\w-]+\.d)$")
_STEPS = {
    "Copying hooks for ": "reading elements",
    "Calculating image size": "measuring the image",
    "Converting image using qemu-img": "converting the image",
    "Build completed successfully": "finished",
}
"""The steps between the scripts, by the line that announces each."""
_NOISE = re.compile(r"^(dib-run-parts( |$)|\++ |Copying hooks |Unmount |INFO diskimage_builder\.)")
"""Profiles, traces of environment files, and what diskimage-builder does by itself."""


@dataclass
class DiskimageTranscript:
    """Reads a build's lines; keeps the script that runs, and its last lines.

    :param element_of: name of the element that brings ``PHASE.d/SCRIPT``, or None.
    """

    element_of: Callable[[str], str | None]
    script: str = ""
    """``PHASE.d/SCRIPT`` while one runs."""
    step: str = "starting"
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))

    def read(self, text: str) -> Iterator[tuple[bool, str]]:
        """Yield what people want to read of one line of output: whether it is a step, and its text."""
        line = _CONTROL.sub("", text)[:SHOWN].rstrip()
        if found := _RUNNING.match(line):
            self.script = found["script"]
            self.tail.clear()
            yield True, self.where
        elif (found := _COMPLETED.match(line)) and self.script.endswith(f"/{found['name']}"):
            self.script = ""
        elif found := _PHASE.match(line):
            self.step = f"in the phase {found['phase']}"
        elif step := next((step for said, step in _STEPS.items() if line.startswith(said)), None):
            if step != self.step:
                self.step = step
                yield True, step
        elif not _NOISE.match(line) and line:
            self.tail.append(line)
            yield False, line

    @property
    def where(self) -> str:
        """What the build is doing."""
        if not self.script:
            return self.step
        element = self.element_of(self.script)
        return f"element {element}: {self.script}" if element else self.script

    def failure(self, status: int) -> str:
        """Return why the build failed: the element and script that did, and its last lines."""
        last = "".join(f"\n  {line}" for line in self.tail)
        at = f"in {self.where}" if self.script else f"while {self.step}"
        return f"diskimage-builder failed {at} (exit {status})\nlast lines:{last or ' none'}"
