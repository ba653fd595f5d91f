"""Builds and pushes by the lab's real engine."""

from __future__ import annotations

import json
import logging
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Barrier
from urllib.parse import parse_qs, urlsplit

import docker
import pytest

from lab.access import Lab
from slipway.docker.bases import Bases
from slipway.docker.catalogue import find_built, verify_pushed
from slipway.docker.context import Context
from slipway.docker.engine import BuildOptions, Engine
from slipway.docker.errors import ContainerBuildError, DockerError, TransientDockerError
from slipway.docker.inputs import INPUT_LABEL, REVISION_LABEL, input_tag
from slipway.docker.registry import Registry, RegistryClient
from tests.broken_server import Answer, Asked, serving

pytestmark = pytest.mark.lab
DIGEST = "sha256:" + "d" * 64


@pytest.fixture(autouse=True)
def _every_line_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


@pytest.fixture
def busybox(engine: Engine, registry: RegistryClient, hub: RegistryClient) -> str:
    """Docker Hub's busybox as the product takes it: from the image registry, by digest, pulled."""
    [base] = Bases(registry, hub).resolve(["busybox:1.36"])
    engine.ensure_image(base.reference, registry.registry)
    return base.reference


@pytest.fixture
def tag(registry: RegistryClient, repository: str, docker_api: docker.DockerClient) -> Iterator[str]:
    name = f"{registry.registry.host}/{repository}:v1"
    yield name
    if docker_api.images.list(name=name):
        docker_api.images.remove(name, force=True)


@pytest.fixture
def build(engine: Engine, busybox: str, tag: str, tmp_path: Path) -> Callable[..., str]:
    """Builds a Dockerfile, all but its FROM, in a small context."""
    root = tmp_path / "tree"
    root.mkdir()
    (root / "message.txt").write_text("hello")

    def run(steps: str, **options: object) -> str:
        given = {"tag": tag, "arguments": {}, "labels": {}, **options}
        return engine.build(Context(root), f"FROM {busybox}\n{steps}\n".encode(), BuildOptions(**given))

    return run


def containers_of(docker_api: docker.DockerClient, token: str) -> list[str]:
    """Containers that run a step with ``token`` in it, ended ones too."""
    found = docker_api.api.containers(all=True)
    return [container["Id"] for container in found if token in container["Command"]]


def test_a_base_is_pulled_once_by_digest(
    busybox: str,
    engine: Engine,
    registry: RegistryClient,
    docker_api: docker.DockerClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.clear()
    engine.ensure_image(busybox, registry.registry)
    assert "pulling" not in caplog.text
    assert docker_api.images.get(busybox).attrs["RepoDigests"]


def test_a_base_that_is_not_there_is_an_error(engine: Engine, registry: RegistryClient) -> None:
    reference = f"{registry.registry.host}/docker-remote/never@{DIGEST}"
    with pytest.raises((DockerError, TransientDockerError), match="never"):
        engine.ensure_image(reference, registry.registry)


def test_an_image_has_its_files_arguments_and_labels(
    build: Callable[..., str], docker_api: docker.DockerClient
) -> None:
    image = build(
        "ARG WHO\nCOPY message.txt /m\nRUN echo $WHO >> /m\nCMD cat /m",
        arguments={"WHO": "you"},
        labels={INPUT_LABEL: DIGEST},
    )
    assert docker_api.images.get(image).labels == {INPUT_LABEL: DIGEST}
    assert docker_api.containers.run(image, remove=True) == b"helloyou\n"


def test_a_stage_can_be_the_last(build: Callable[..., str], docker_api: docker.DockerClient) -> None:
    image = build("FROM scratch AS one\nCOPY message.txt /m\nFROM one\nRUN exit 9", target="one")
    assert docker_api.images.get(image).attrs["RootFS"]["Layers"]


def test_the_log_is_streamed_while_the_build_runs(
    build: Callable[..., str], tag: str, docker_api: docker.DockerClient
) -> None:
    """When the first step's line is logged, the image is not there yet."""
    lines: list[str] = []
    finished: list[bool] = []
    token = secrets.token_hex(8)

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())
            if record.getMessage().strip() == f"said {token}":
                finished.append(bool(docker_api.images.list(name=tag)))

    watch, logger = Watch(), logging.getLogger("slipway.docker.engine")
    logger.addHandler(watch)
    try:
        build(f"RUN echo said {token}\nRUN printf '\\033[31mred\\033[0m\\a\\n'\nRUN true")
    finally:
        logger.removeHandler(watch)
    assert finished == [False]
    assert docker_api.images.list(name=tag)
    assert [line for line in lines if "Step 1/4 : FROM" in line]
    assert "red" in [line.strip() for line in lines]


def test_a_failing_step_is_named_with_its_last_lines_and_leaves_nothing(
    build: Callable[..., str], tag: str, docker_api: docker.DockerClient
) -> None:
    token = secrets.token_hex(8)
    with pytest.raises(ContainerBuildError) as caught:
        build(f"RUN true\nRUN echo because of {token}; exit 7\nRUN echo never")
    said = str(caught.value)
    assert f"the build failed at Step 3/4 : RUN echo because of {token}; exit 7" in said
    assert "returned a non-zero code: 7" in said
    assert said.splitlines()[-1].strip() == f"because of {token}"
    assert containers_of(docker_api, token) == []
    assert docker_api.images.list(name=tag) == []


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("COPY absent.txt /", "absent.txt"),
        ("COPY ../../etc/passwd /", "forbidden path outside the build context|no such file"),
        ("NOTHING x", "(?i)unknown instruction: NOTHING"),
        ("RUN --mount=type=secret,id=x true", "BuildKit"),
        ("RUN --network=host true", "BuildKit|Unknown flag: network"),
    ],
)
def test_what_the_engine_does_not_take_is_no_error_that_may_pass(
    build: Callable[..., str], steps: str, said: str
) -> None:
    with pytest.raises(DockerError, match=said):
        build(steps)


def test_a_step_has_its_own_network_and_its_own_memory(
    build: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    build(
        f"RUN : {secrets.token_hex(8)}; readlink /proc/self/ns/net; ls /sys/class/net;"
        " cat /sys/fs/cgroup/memory/memory.limit_in_bytes || cat /sys/fs/cgroup/memory.max",
        memory_bytes=96 * 1024**2,
    )
    lines = [record.getMessage().strip() for record in caplog.records]
    spaces = [line for line in lines if line.startswith("net:[")]
    assert len(spaces) == 1
    assert spaces[0] != os.readlink("/proc/self/ns/net")
    assert not [line for line in lines if line.startswith("docker0")]
    assert str(96 * 1024**2) in lines


def test_a_step_sees_nothing_of_the_workers_environment(
    build: Callable[..., str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = secrets.token_hex(8)  # a step that ran before is not run again, and prints nothing
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_REGISTRY", "a-secret-of-the-worker")
    build(f"RUN env; find / -xdev; echo {token}")
    assert token in [record.getMessage().strip() for record in caplog.records]
    assert "a-secret-of-the-worker" not in caplog.text
    assert "AIRFLOW" not in caplog.text
    assert "docker.sock" not in caplog.text


def test_copy_all_does_not_take_the_pinned_dockerfile_along(
    build: Callable[..., str], docker_api: docker.DockerClient
) -> None:
    image = build("COPY . /all\nCMD ls -A /all")
    assert docker_api.containers.run(image, remove=True) == b"message.txt\n"


def test_the_digest_of_a_push_is_the_registrys(
    build: Callable[..., str],
    engine: Engine,
    registry: RegistryClient,
    repository: str,
    tag: str,
    docker_api: docker.DockerClient,
) -> None:
    build("COPY message.txt /m", labels={INPUT_LABEL: DIGEST, REVISION_LABEL: "1" * 40})
    pushed = engine.push(tag, registry.registry)
    manifest = verify_pushed(registry, repository, "v1", pushed)
    registry.put_manifest(repository, input_tag(DIGEST), manifest)
    assert find_built(registry, repository, DIGEST) == (manifest, "1" * 40)

    engine.forget(tag)
    assert docker_api.images.list(name=tag) == []
    engine.forget(tag)


def test_builds_of_one_commit_that_end_together_remove_the_tag_once(
    build: Callable[..., str], engine: Engine, tag: str, docker_api: docker.DockerClient
) -> None:
    """A branch and a tag of one commit are two pushes, whose builds share the tag."""
    build("COPY message.txt /m")
    together = 8
    begin = Barrier(together)

    def forget(_: int) -> None:
        begin.wait()
        engine.forget(tag)

    with ThreadPoolExecutor(together) as pool:
        list(pool.map(forget, range(together)))
    assert docker_api.images.list(name=tag) == []


def test_a_push_with_a_wrong_login_is_permanent_and_tells_no_secret(
    build: Callable[..., str], engine: Engine, registry: RegistryClient, tag: str
) -> None:
    build("COPY message.txt /m")
    with pytest.raises(DockerError) as caught:
        engine.push(tag, Registry(registry.registry.host, "slipway", "a wrong password"))
    assert "a wrong password" not in str(caught.value)


def test_the_workers_own_logins_and_proxies_are_sent_to_no_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The far side is a listener that writes down what an engine would have been told."""
    folder = tmp_path / "docker-config"
    folder.mkdir()
    config = {
        "auths": {"images.example.org": {"auth": "bWU6d29ya2Vycy1vd24="}},
        "proxies": {"default": {"httpProxy": "http://me:workers-own@proxy.example.org"}},
    }
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))

    def answer(asked: Asked, _: BaseHTTPRequestHandler) -> Answer:
        if asked.path.endswith("/version"):
            return 200, {"Content-Type": "application/json"}, b'{"ApiVersion": "1.41"}'
        if "/images/" in asked.path:
            return 200, {}, b'{"aux": {"Digest": "sha256:1"}}\r\n'
        return 200, {}, b'{"aux": {"ID": "sha256:1"}}\r\n'

    root = tmp_path / "tree"
    root.mkdir()
    with serving(answer) as served:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://{served.host}")
        with Engine() as engine:
            engine.build(Context(root), b"FROM scratch\n", BuildOptions("x/y:1", {"A": "1"}, {}))
            engine.push("images.example.org/y:1", Registry("images.example.org"))
    [built] = [asked for asked in served.asked if "/build" in asked.path]
    [pushed] = [asked for asked in served.asked if "/push" in asked.path]
    query = parse_qs(urlsplit(built.path).query)
    assert json.loads(query["buildargs"][0]) == {"A": "1"}
    assert query["networkmode"] == ["default"]
    assert "x-registry-config" not in built.headers
    assert pushed.headers["x-registry-auth"] in ("e30=", "e30")


def test_an_engine_that_is_away_may_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(TransientDockerError, match="the container engine does not answer"):
        Engine()


BUILD = """
import sys
from pathlib import Path
from slipway.docker.context import Context
from slipway.docker.engine import BuildOptions, Engine
with Engine() as engine:
    engine.build(Context(Path(sys.argv[1])), sys.argv[2].encode(), BuildOptions(sys.argv[3], {}, {}))
"""


def test_a_build_ends_with_the_process_that_wanted_it(
    busybox: str, tag: str, lab: Lab, docker_api: docker.DockerClient, tmp_path: Path
) -> None:
    root, token = tmp_path / "tree", secrets.token_hex(8)
    root.mkdir()
    dockerfile = f"FROM {busybox}\nRUN echo {token}; sleep 3600\n"
    environment = {**os.environ, "DOCKER_HOST": lab.docker_host, "PYTHONPATH": "plugins"}
    worker = subprocess.Popen([sys.executable, "-c", BUILD, root, dockerfile, tag], env=environment)
    try:
        assert _until(lambda: containers_of(docker_api, token) or worker.poll() is not None)
        assert worker.poll() is None
    finally:
        worker.kill()
        worker.wait(20)
    assert _until(lambda: not containers_of(docker_api, token))
    assert docker_api.images.list(name=tag) == []


def _until(so: Callable[[], object]) -> bool:
    for _ in range(300):
        if so():
            return True
        time.sleep(0.1)
    return False
