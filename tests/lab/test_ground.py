"""What the lab keeps between starts: ports, secrets, the file people source."""

from __future__ import annotations

import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab import environment
from lab.ground import Ground, ground_of
from lab.paths import SOCKET_FOLDER_LIMIT, Paths
from lab.ports import HOST
from lab.server import LabError


def test_a_port_once_chosen_stays(ground: Ground) -> None:
    first = ground.ports.get("web", 28080)
    with socket.create_server((HOST, first)):
        assert ground_of(ground.paths).ports.get("web", 28080) == first


def test_a_taken_port_is_passed_over(ground: Ground) -> None:
    with socket.create_server((HOST, 0)) as taken:
        preferred = taken.getsockname()[1]
        assert ground.ports.get("web", preferred) != preferred


def test_two_servers_never_share_a_port(ground: Ground) -> None:
    with ThreadPoolExecutor(8) as pool:
        ports = list(pool.map(lambda number: ground.ports.get(f"web-{number}", 28080), range(20)))
    assert len(set(ports)) == 20


def test_no_port_beyond_the_last(ground: Ground) -> None:
    with socket.socket() as last:
        last.bind((HOST, 65535))
        last.listen()
        with pytest.raises(LabError, match="web: no free loopback port"):
            ground.ports.get("web", 65535)


def test_a_secret_stays_and_is_its_owners(ground: Ground) -> None:
    secret = ground.logins.secret("postgres")
    assert ground_of(ground.paths).logins.secret("postgres") == secret
    assert ground.logins.secret("registry") != secret
    assert ground.logins.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("value", ["plain", "two words", "a'quote", "$HOME `id` \\", "ünicode", ""])
def test_a_shell_reads_what_was_written(tmp_path: Path, value: str) -> None:
    path = tmp_path / "env"
    environment.write(path, {"NAME": value, "OTHER": "x"})
    read = subprocess.run(
        ["sh", "-c", '. "$1"; printf %s "$NAME"', "sh", str(path)], capture_output=True, text=True, check=True
    )
    assert read.stdout == value
    assert environment.read(path) == {"NAME": value, "OTHER": "x"}
    assert path.stat().st_mode & 0o077 == 0


def test_the_labs_own_server_is_not_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///lab/docker.sock")
    assert environment.given("DOCKER_HOST", "unix:///lab/docker.sock") is None
    assert environment.given("DOCKER_HOST", "unix:///other.sock") == "unix:///lab/docker.sock"
    monkeypatch.setenv("DOCKER_HOST", " ")
    assert environment.given("DOCKER_HOST", "unix:///lab/docker.sock") is None


def test_a_long_path_keeps_its_sockets_elsewhere(tmp_path: Path) -> None:
    short = Paths(Path("/work/it"), tmp_path)
    long = Paths(Path("/work") / ("x" * SOCKET_FOLDER_LIMIT), tmp_path)
    assert short.sockets == Path("/work/it/.lab/run")
    assert long.sockets == Path(f"/run/slipway-{long.key}")
