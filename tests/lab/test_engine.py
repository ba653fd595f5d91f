"""The engine: Docker's of today, whose client builds with BuildKit and knows compose."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from lab.access import Lab, Login

pytestmark = pytest.mark.lab

DOCKERFILE = """\
FROM {base} AS made
RUN --mount=type=cache,target=/cache <<EOF
set -e
echo again >> /cache/visits
cp /cache/visits /visits
EOF
FROM scratch
COPY --link --chmod=0444 --from=made /visits /
COPY <<"EOF" /greeting
hello $NOBODY
EOF
"""


@dataclass(frozen=True)
class Client:
    """The lab's client, as somebody with logins of her own."""

    program: Path
    settings: Path

    def __call__(self, *arguments: str, given: str | None = None) -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "DOCKER_CONFIG": str(self.settings),
        }
        done = subprocess.run(
            [self.program, *arguments],
            input=given,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def client(lab: Lab, tmp_path: Path) -> Client:
    settings = tmp_path / "settings"
    shutil.copytree(lab.state / "docker-client", settings)
    return Client(lab.state / "bin" / "docker", settings)


@pytest.fixture
def hub(lab: Lab, client: Client) -> Login:
    login = lab.dockerhub
    client("login", "--username", login.user, "--password-stdin", _address(login), given=login.password)
    return login


def test_the_engine_and_its_containerd_are_of_today(lab: Lab) -> None:
    engine = docker.DockerClient(base_url=lab.docker_host)
    parts = {part["Name"]: part["Version"] for part in engine.version()["Components"]}
    assert parts["Engine"].startswith("26.1.")
    assert parts["containerd"].startswith("1.7.")
    assert "runc" in parts
    engine.close()


def test_the_client_has_its_plugins_and_leaves_the_users_settings_alone(lab: Lab, client: Client) -> None:
    assert "buildx" in client("buildx", "version")
    assert client("compose", "version", "--short").startswith("2.26.")
    assert json.loads(client("version", "--format", "{{json .Client}}"))["Version"].startswith("26.1.")
    home = lab.state / "docker-client" / "config.json"
    assert set(json.loads(home.read_text())) == {"cliPluginsExtraDirs"}


def test_buildkit_builds_heredocs_and_keeps_caches(client: Client, hub: Login, tmp_path: Path) -> None:
    """The base comes from the lab's registry, and the image's files come out as they were written."""
    context = tmp_path / "context"
    context.mkdir()
    base = f"{_address(hub)}/library/busybox:1.36"
    mark = secrets.token_hex(4)
    for visit in (1, 2):
        text = DOCKERFILE.format(base=base).replace("again", f"{mark} {visit}")
        (context / "Dockerfile").write_text(text.replace("target=/cache", f"id={mark},target=/cache"))
        client("buildx", "build", "--output", f"type=local,dest={tmp_path / 'out'}", str(context))
    assert (tmp_path / "out" / "greeting").read_text() == "hello $NOBODY\n"
    assert (tmp_path / "out" / "visits").read_text() == f"{mark} 1\n{mark} 2\n"
    assert (tmp_path / "out" / "visits").stat().st_mode & 0o777 == 0o444


def test_a_build_becomes_an_image_of_the_engine(client: Client, hub: Login, tmp_path: Path) -> None:
    """What BuildKit made runs: its sandbox and the container's use the same ``runc``."""
    tag = f"slipway-lab/{secrets.token_hex(4)}"
    base = f"{_address(hub)}/library/busybox:1.36"
    (tmp_path / "Dockerfile").write_text(f"FROM {base}\nRUN echo made > /made\n")
    client("build", "--quiet", "--tag", tag, str(tmp_path))
    try:
        assert client("run", "--rm", "--init", tag, "cat", "/made") == "made\n"
    finally:
        client("image", "rm", tag)


def _address(login: Login) -> str:
    return login.url.removeprefix("http://")
