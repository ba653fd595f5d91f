"""The example Jenkinsfile, run by real Groovy against the lab's Airflow; the library's lint."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from slipway.cli.demo_starts import replay_command, replay_environment
from slipway.cli.settings import Login
from slipway.cli.starting import run_id_of
from tests.people.conftest import Built

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "include" / "recipes" / "jenkins"
HARNESS = ROOT / "lab" / "jenkinsfile"
SECONDS = 240


def replay(login: Login, shop: Built, pipeline: str, build: str = "", **parameters: str) -> tuple[bool, str]:
    """Run the example Jenkinsfile; returns whether the build succeeded, and its console."""
    asked = {"APP": shop.push.repository, "COMMIT": shop.push.commit, "REF": shop.push.ref} | parameters
    done = subprocess.run(
        replay_command(HARNESS),
        env=replay_environment(login, pipeline, asked, build or secrets.token_hex(8)),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.stderr == ""
    ending = "Finished: SUCCESS" if done.returncode == 0 else "Finished: FAILURE"
    assert done.stdout.splitlines()[-1] == ending
    return done.returncode == 0, done.stdout


def lint(library: Path) -> str:
    """Return what is wrong with a library."""
    command = ["groovy", "-cp", str(HARNESS), str(HARNESS / "lint.groovy"), str(library)]
    done = subprocess.run(
        [*command, str(library / "Jenkinsfile")], capture_output=True, text=True, timeout=SECONDS
    )
    assert (done.returncode == 0) == (done.stderr == "")
    return done.stderr


def test_a_whole_push_and_the_same_build_again(people: Mapping[str, Login], shop: Built) -> None:
    build = secrets.token_hex(8)
    succeeded, console = replay(people["SlipwayStarter"], shop, "push", build)
    assert succeeded, console
    assert f"push started: {shop.app.airflow.url}/dags/push/runs/{run_id_of(f'jenkins-{build}')}" in console
    assert "deploy / container.rollout" in console
    assert f"container: {shop.digest}" in console
    assert "vm: nothing declared" in console
    assert f"container runs {shop.digest} in staging" in console
    assert people["SlipwayStarter"].password not in console
    succeeded, console = replay(people["SlipwayStarter"], shop, "push", build)
    assert succeeded, console
    assert "push already started with this key" in console
    assert f"container runs {shop.digest} in staging" in console


def test_what_jenkins_may_not_do_fails_the_build(people: Mapping[str, Login], shop: Built) -> None:
    succeeded, console = replay(people["SlipwayBuilder"], shop, "push")
    assert not succeeded
    assert "ERROR: Slipway: this user may not do that" in console


def test_a_run_that_fails_fails_the_build_with_its_log(people: Mapping[str, Login], shop: Built) -> None:
    succeeded, console = replay(people["SlipwayBuilder"], shop, "container_image", COMMIT="0" * 40)
    assert not succeeded
    assert "container_image / plan               failed" in console
    assert f"    AirflowFailException: {shop.push.repository}" in console
    assert "failed: container_image / plan. The log above says why" in console


def test_refused_input_is_told_before_anything_is_sent(people: Mapping[str, Login], shop: Built) -> None:
    succeeded, console = replay(people["SlipwayBuilder"], shop, "container_image", COMMIT="abc")
    assert not succeeded
    assert "commit 'abc' is not a full commit id: give its 40 digits" in console


def test_what_waits_can_be_written_to_disk_without_a_secret(
    people: Mapping[str, Login], shop: Built, tmp_path: Path
) -> None:
    """As Jenkins does at each `sleep`: the run is followed by what was read back."""
    script = tmp_path / "survives.groovy"
    script.write_text(SURVIVES)
    login = people["SlipwayBuilder"]
    done = subprocess.run(
        ["groovy", "-cp", f"{HARNESS}:{LIBRARY / 'src'}", str(script)],
        env=replay_environment(login, "container_image", {"APP": shop.push.repository}, secrets.token_hex(8))
        | {"COMMIT": shop.push.commit},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert shop.digest in done.stdout


SURVIVES = """
import slipway.*

def known = System.getenv()
def login = new Login(known.REPLAY_USER, known.REPLAY_PASSWORD)
def asked = [pipeline: 'container_image', app: "${'tests'}/app", commit: "${known.COMMIT}"]
def request = Request.of(asked, known)
def run = new Run(new Airflow(request.url), request.pipeline, request.runId())
assert run.start(login, request.conf, 'a test').contains('started: ')
assert run.start(login, request.conf, 'a test').contains('already started with this key: ')
while (!run.hasEnded()) {
    def kept = new ByteArrayOutputStream()
    new ObjectOutputStream(kept).writeObject([request, run])
    assert !kept.toString('ISO-8859-1').contains(known.REPLAY_PASSWORD)
    assert !kept.toString('ISO-8859-1').contains('eyJ') // how a token begins
    def reader = new ObjectInputStream(new ByteArrayInputStream(kept.toByteArray())) {
        Class resolveClass(ObjectStreamClass type) { Class.forName(type.name, false, Run.classLoader) }
    }
    (request, run) = reader.readObject()
    run.look(login)
    Thread.sleep(500)
}
println run.results(login).images.container.digest
"""


def test_the_library_is_clean() -> None:
    assert lint(LIBRARY) == ""


def test_what_is_wrong_with_a_library_is_seen(tmp_path: Path) -> None:
    library = tmp_path / "library"
    shutil.copytree(LIBRARY, library)

    def change(name: str, line: str, instead: str) -> None:
        path = library / "src" / "slipway" / name
        text = path.read_text()
        assert text.count(line) == 1
        path.write_text(text.replace(line, instead))

    change("Request.groovy", "    String runId() {", "    String runId() { notThere()")
    change("Run.groovy", "    @NonCPS\n    boolean hasEnded", "    boolean hasEnded")
    change(
        "Run.groovy", "    final Airflow airflow", "    final Socket socket = null\n    final Airflow airflow"
    )
    said = lint(library)
    assert "Cannot find matching method slipway.Request#notThere()" in said
    assert "hasEnded is not @NonCPS" in said
    assert "Run.groovy: socket cannot be written to disk" in said
