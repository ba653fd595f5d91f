"""Packer itself: its version, ``validate`` and ``build``.

https://developer.hashicorp.com/packer/docs/commands
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from slipway.packer.errors import PackerError, TemplateError, TransientPackerError
from slipway.packer.output import PackerTranscript
from slipway.packer.workplace import PackerWorkplace
from slipway.sandbox.errors import ProgramTimeoutError
from slipway.sandbox.program import Program
from slipway.sandbox.sandbox import TEMPORARY, Sandbox

log = logging.getLogger(__name__)

VALIDATE_SECONDS, VERSION_SECONDS = 120.0, 60.0
PLUGINS = "PACKER_PLUGIN_PATH"
"""Packer's own variable: the folder of plugins that Packer 1.7 and later keep apart."""
_QUIET = {"CHECKPOINT_DISABLE": "1", "PACKER_NO_COLOR": "1", "PACKER_CACHE_DIR": f"{TEMPORARY}/packer_cache"}
_OPTIONS = ("-color=false", "-on-error=cleanup", "-timestamp-ui=false")


@dataclass(frozen=True)
class PackerBuild:
    """One build of a template.

    :param template: file or folder, below ``context``.
    :param context: folder of the checkout that the build sees, to read.
    :param place: the worker's folders for it.
    :param lock: descriptor that stays open until nothing of it is left.
    :param values: of the template's variables.
    :param readable: further files that it sees, such as the base.
    :param devices: that it may use, such as ``/dev/kvm``.
    :param secrets: environment variables that only this build sees, such as a cloud's token.
    """

    template: Path
    context: Path
    place: PackerWorkplace
    lock: int
    values: Mapping[str, str] = field(default_factory=dict)
    readable: Sequence[Path] = ()
    devices: Sequence[Path] = ()
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def command(self, verb: str, *options: str) -> list[str]:
        """Return the command line of ``packer validate`` or ``packer build``."""
        variables = self.place.given / "slipway.pkrvars.json"
        variables.write_text(json.dumps(dict(self.values)))
        template = os.path.relpath(self.template, self.context)
        return [program(), verb, "-machine-readable", f"-var-file={variables}", *options, template]

    def sandbox(self) -> Sandbox:
        """Return what it sees of the worker."""
        plugins = os.environ.get(PLUGINS)
        return Sandbox(
            folder=self.context,
            readable=[
                self.context,
                self.place.given,
                *self.readable,
                *([Path(plugins)] if plugins else []),
                *([] if program().startswith("/usr/") else [Path(program())]),
            ],
            writable=[self.place.writable],
            devices=self.devices,
            scratch=self.place.scratch,
            environment={**_QUIET, **({PLUGINS: plugins} if plugins else {}), **self.secrets},
        )


def program() -> str:
    """Return Packer's path on this worker.

    :raises PackerError: when it is not installed.
    """
    if (found := shutil.which("packer")) is None:
        raise PackerError(
            "Packer is not on this worker's PATH. Install it (Debian's package packer, or HashiCorp's), or "
            "route builds to a worker that has it: queue `packer`, and `dib` for bare metal."
        )
    return os.path.realpath(found)


def version() -> str:
    """Return Packer's version, like ``1.6.6``: part of what decides an image.

    :raises PackerError: when it is not installed, or does not work.
    :raises TransientPackerError: when it was killed, or took too long.
    """
    command = [program(), "version"]
    variables = {**_QUIET, "PATH": os.environ.get("PATH", ""), "HOME": "/nonexistent"}
    try:
        said = subprocess.run(
            command, capture_output=True, text=True, timeout=VERSION_SECONDS, check=False, env=variables
        )
    except subprocess.TimeoutExpired:
        raise TransientPackerError(
            f"`packer version` took longer than {VERSION_SECONDS:g} s: this worker is overloaded"
        ) from None
    if said.returncode < 0:
        killed = signal.Signals(-said.returncode).name
        raise TransientPackerError(f"`packer version` was ended by {killed}: this worker may lack memory")
    words = said.stdout.split()
    if said.returncode != 0 or len(words) < 2:
        raise PackerError(f"`packer version` fails on this worker: {(said.stderr or said.stdout)[:200]}")
    return words[1].removeprefix("v")


def validate(build: PackerBuild) -> None:
    """Have Packer check the template.

    :raises TemplateError: with what it says.
    """
    transcript = PackerTranscript()
    with _running(build, build.command("validate"), VALIDATE_SECONDS) as packer:
        for text in packer.lines():
            for _, line in transcript.read(text):
                log.info("          %s", line)
        if packer.wait() != 0:
            said = "".join(f"\n  {line}" for line in transcript.tail)
            raise TemplateError(
                f"`packer validate` refuses {build.template.name}:{said or ' no reason given'}"
            )


def run(build: PackerBuild, seconds: float) -> PackerTranscript:
    """Have Packer build, telling each of its lines as it comes.

    :param seconds: how long it may take.
    :raises PackerError: when the build fails.
    """
    transcript = PackerTranscript()
    with _running(build, build.command("build", *_OPTIONS), seconds) as packer:
        try:
            for text in packer.lines():
                for is_step, line in transcript.read(text):
                    log.info("%s %s", f"[{packer.elapsed:5.1f} s]" if is_step else " " * 9, line)
        except ProgramTimeoutError as error:
            raise PackerError(
                f"{error}, in the step {transcript.step!r}. Raise its build_seconds, or find out why it "
                "hangs."
            ) from None
        if packer.wait() != 0:
            raise PackerError(transcript.failure())
    return transcript


def _running(build: PackerBuild, command: Sequence[str], seconds: float) -> Program:
    return Program(command, build.sandbox(), seconds, holds=[build.lock])
