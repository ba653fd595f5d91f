"""Packer itself: its version, ``validate`` and ``build``.

https://developer.hashicorp.com/packer/docs/commands
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from slipway.packer.errors import PackerError, TemplateError
from slipway.packer.output import Transcript
from slipway.sandbox.errors import ProgramTimeoutError
from slipway.sandbox.program import Program
from slipway.sandbox.sandbox import Sandbox

log = logging.getLogger(__name__)

KVM = Path("/dev/kvm")
VALIDATE_SECONDS = 120.0
PLUGINS = "PACKER_PLUGIN_PATH"
"""Packer's own variable: the folder of plugins that Packer 1.7 and later keep apart."""
_QUIET = {"CHECKPOINT_DISABLE": "1", "PACKER_NO_COLOR": "1"}


@dataclass(frozen=True)
class Build:
    """One build of a template.

    :param template: file or folder, below ``context``.
    :param context: folder of the checkout that the build sees, to read.
    :param readable: further files that it sees, such as the base.
    :param output: folder that it may write to.
    :param variables: file with the values of the template's variables.
    :param secrets: environment variables that only this build sees, such as a cloud's token.
    """

    template: Path
    context: Path
    readable: Sequence[Path]
    output: Path
    variables: Path
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def write_variables(self, values: Mapping[str, str]) -> None:
        """Write the values of the template's variables."""
        self.variables.parent.mkdir(parents=True, exist_ok=True)
        self.variables.write_text(json.dumps(values))


def program() -> str:
    """Return Packer's path on this worker.

    :raises PackerError: when it is not installed.
    """
    if (found := shutil.which("packer")) is None:
        raise PackerError(
            "Packer is not on this worker's PATH. Install it (Debian's package packer, or HashiCorp's), or "
            "have builds run where it is: queue `packer`."
        )
    return os.path.realpath(found)


def version() -> str:
    """Return Packer's version, like ``1.6.6``: part of what decides an image."""
    said = subprocess.run(
        [program(), "version"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**_QUIET, "PATH": os.environ.get("PATH", ""), "HOME": "/nonexistent"},
    )
    words = said.stdout.split()
    if said.returncode != 0 or len(words) < 2:
        raise PackerError(f"`packer version` fails on this worker: {(said.stderr or said.stdout)[:200]}")
    return words[1].removeprefix("v")


def has_kvm() -> bool:
    """Say whether this worker may use the processor's virtualisation; machines are emulated otherwise."""
    return os.access(KVM, os.R_OK | os.W_OK)


def validate(build: Build) -> None:
    """Have Packer check the template.

    :raises TemplateError: with what it says.
    """
    transcript = Transcript()
    with _program(build, "validate", VALIDATE_SECONDS) as packer:
        for text in packer.lines():
            for _, line in transcript.read(text):
                log.info("          %s", line)
        if packer.wait() != 0:
            said = "".join(f"\n  {line}" for line in transcript.tail)
            raise TemplateError(
                f"`packer validate` refuses {build.template.name}:{said or ' no reason given'}"
            )


def run(build: Build, seconds: float, started: Callable[[Program], None]) -> Transcript:
    """Have Packer build, telling each of its lines as it comes.

    :param seconds: how long it may take.
    :param started: is told of the running program, so that someone else can interrupt it.
    :raises PackerError: when the build fails.
    """
    transcript = Transcript()
    with _program(build, "build", seconds) as packer:
        started(packer)
        try:
            for text in packer.lines():
                for is_step, line in transcript.read(text):
                    log.info("%s %s", f"[{packer.elapsed:5.1f} s]" if is_step else " " * 9, line)
        except ProgramTimeoutError as error:
            raise PackerError(
                f"{error}, in the step {transcript.step!r}. Raise vm.build_seconds, or see why it hangs."
            ) from None
        if packer.wait() != 0:
            raise PackerError(transcript.failure())
    return transcript


def _program(build: Build, verb: str, seconds: float) -> Program:
    plugins = os.environ.get(PLUGINS)
    sandbox = Sandbox(
        folder=build.context,
        readable=[
            build.context,
            build.variables,
            *build.readable,
            *([Path(plugins)] if plugins else []),
            *([] if program().startswith("/usr/") else [Path(program())]),
        ],
        writable=[build.output],
        devices=[KVM] if has_kvm() else [],
        environment={**_QUIET, **({PLUGINS: plugins} if plugins else {}), **build.secrets},
    )
    template = os.path.relpath(build.template, build.context)
    command = [program(), verb, "-machine-readable", f"-var-file={build.variables}"]
    if verb == "build":
        command += ["-color=false", "-on-error=cleanup", "-timestamp-ui=false"]
    return Program([*command, template], sandbox, seconds)
