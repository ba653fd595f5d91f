"""What people see of a release: a block for each platform."""

from __future__ import annotations

import io
import sys
from datetime import timedelta
from uuid import UUID

import pytest
from rich.console import Console

from slipway.cli.progress import ProgressRow
from slipway.cli.status import PlatformStatus, PushStatus
from slipway.cli.tables import console, print_statuses
from slipway.cli.watch import table
from tests.cli.records import START

DIGEST = "sha256:" + "c" * 64
GLANCE = UUID("3b0a3f43-4c3e-4a55-9d0c-6a6e0b2f7f50")
STATUS = PushStatus(
    repository="examples/hello",
    commit="a" * 40,
    ref="refs/heads/main",
    platforms={
        "container": PlatformStatus(
            state="running",
            digest=DIGEST,
            image=f"registry:5000/docker-local/demo/hello@{DIGEST}",
            running="demo/deployment/hello",
            environment="production",
            since=START,
        ),
        "vm": PlatformStatus(
            state="running",
            digest=DIGEST,
            image="generic-local/demo/hello/vm/x/hello.qcow2",
            glance=GLANCE,
            running="hello-production-aaaaaaaaaaaa-0",
            environment="production",
            since=START,
        ),
        "bare_metal": PlatformStatus(state="nothing", detail="declares \x1b[31mnothing [red]"),
    },
)


def shown(width: int, status: PushStatus = STATUS) -> str:
    out = Console(file=io.StringIO(), width=width)
    print_statuses(out, [status], START + timedelta(seconds=61))
    return out.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_a_block_a_platform_with_digest_places_and_what_runs() -> None:
    blocks = shown(400)
    container, rest = blocks.partition("  vm  ")[0], blocks.partition("  vm  ")[2]
    machine = rest.partition("  bare_metal  ")[0]
    assert container.splitlines()[0] == f"examples/hello at {'a' * 40} (refs/heads/main)"
    assert [line.strip() for line in container.splitlines()[1:]] == [
        "container   state    running, since 2026-11-24 08:00:00 UTC (1 min 1 s ago)",
        f"digest   {DIGEST}",
        "image    registry:5000/docker-local/demo/hello",
        "runs in  demo/deployment/hello (production)",
    ]
    assert "generic-local/demo/hello/vm/x/hello.qcow2" in machine
    assert f"glance   {GLANCE}" in machine
    assert "hello-production-aaaaaaaaaaaa-0 (production)" in machine


def test_a_release_fits_a_hundred_columns() -> None:
    assert max(len(line) for line in shown(400).splitlines()) <= 100


def test_a_failure_has_its_error_and_its_log_on_lines_of_their_own() -> None:
    failed = PlatformStatus(
        state="failed", since=START, detail="build failed: no room", log="http://x/tasks/build"
    )
    lines = shown(400, STATUS.model_copy(update={"platforms": {"vm": failed}})).splitlines()
    assert [line.strip() for line in lines[1:]] == [
        "vm          state    failed, since 2026-11-24 08:00:00 UTC (1 min 1 s ago)",
        "error    build failed: no room",
        "log      http://x/tasks/build",
    ]


def test_what_others_wrote_does_not_steer_the_terminal() -> None:
    assert "\x1b" not in shown(400)
    assert "[red]" in shown(400)


def test_a_narrow_terminal_cuts_nothing() -> None:
    letters = "".join(shown(80).split())
    assert letters.count("c") > 2 * 64


def test_a_file_is_no_terminal_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    assert not sys.stdout.isatty()
    out = console()
    assert not out.is_terminal
    out.print("x" * 300, style="bold red")
    assert capsys.readouterr().out == "x" * 300 + "\n"


def test_the_progress_of_a_push_fits_eighty_columns() -> None:
    out = Console(file=io.StringIO(), width=80)
    out.print(table([ProgressRow("bare_metal_image", "bare_metal.go_back", "upstream failed", 3600.0)]))
    lines = out.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert any("bare_metal.go_back" in line and "upstream failed" in line for line in lines)
