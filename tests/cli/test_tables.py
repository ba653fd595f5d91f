"""What people see at the end of a release: one table over its platforms."""

from __future__ import annotations

import io
from datetime import timedelta
from uuid import UUID

from rich.console import Console

from slipway.cli.status import PlatformStatus, PushStatus
from slipway.cli.tables import release_table
from tests.cli.records import START

DIGEST = "sha256:" + "c" * 64
GLANCE = UUID("3b0a3f43-4c3e-4a55-9d0c-6a6e0b2f7f50")


def shown(width: int) -> str:
    status = PushStatus(
        repository="examples/hello",
        commit="a" * 40,
        ref="refs/heads/main",
        platforms={
            "container": PlatformStatus(
                state="running",
                digest=DIGEST,
                image=f"registry:5000/docker-local/demo/hello@{DIGEST}",
                running="demo/deployment/hello",
                since=START,
            ),
            "vm": PlatformStatus(
                state="running",
                digest=DIGEST,
                image="generic-local/demo/hello/vm/x/hello.qcow2",
                glance=GLANCE,
                running="hello-production-aaaaaaaaaaaa-0",
                since=START,
            ),
            "bare_metal": PlatformStatus(state="nothing", detail="declares \x1b[31mnothing [red]"),
        },
    )
    out = Console(file=io.StringIO(), width=width)
    out.print(release_table(status, START + timedelta(seconds=61)))
    return out.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_a_row_a_platform_with_digest_places_and_what_runs() -> None:
    lines = [line.strip() for line in shown(400).splitlines()]
    container = next(line for line in lines if line.startswith("container"))
    assert DIGEST in container
    assert "registry:5000/docker-local/demo/hello " in container
    assert container.endswith("08:00:00 UTC (1 min 1 s ago)")
    machine = lines.index(next(line for line in lines if line.startswith("vm")))
    assert "generic-local/demo/hello/vm/x/hello.qcow2" in lines[machine]
    assert f"glance {GLANCE}" in lines[machine + 1]


def test_what_others_wrote_does_not_steer_the_terminal() -> None:
    assert "\x1b" not in shown(400)
    assert "[red]" in shown(400)


def test_a_narrow_terminal_cuts_nothing() -> None:
    letters = "".join(shown(80).split())
    assert letters.count("c") > 2 * 64
