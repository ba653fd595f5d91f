"""The step of the Jenkins recipe follows a push as ``slipway run push`` does: real Groovy, no Jenkins.

``tests/people/test_jenkinsfile.py`` asks the real Airflow.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from slipway.cli.demo_starts import replay_command, replay_environment
from slipway.flow.followed import Followed
from slipway.flow.push_id import push_id
from tests.cli.airflow_api import AirflowApi
from tests.cli.records import built, deployment, look, on_request, push, run, task

HARNESS = Path(__file__).parents[2] / "lab" / "jenkinsfile"
OF = push("a")
ASKED = {"APP": OF.repository, "COMMIT": OF.commit, "REF": OF.ref}


def replay(api: AirflowApi) -> tuple[int, str]:
    """Run the example Jenkinsfile; returns its exit code, and its console."""
    environment = replay_environment(api.login, "push", ASKED, "shop-1")
    done = subprocess.run(
        replay_command(HARNESS), env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.skipif(shutil.which("groovy") is None, reason="needs groovy")
def test_a_push_is_followed_by_its_id_to_images_that_needed_no_build(api: AirflowApi) -> None:
    conf = {"repository": OF.repository, "ref": OF.ref, "commit": OF.commit, "deploy": True}
    asked = api.add_run(
        on_request("success", "jenkins-shop-1", conf),
        task("look", "success", 1, 2),
        task("outcome", "success"),
    )
    followed = Followed(id=push_id(OF, 0), push=OF, deploy=True)
    api.xcoms["push", asked["dag_run_id"], "look"] = followed.to_json()
    looked = api.add_run(look(OF), task("look", "success", 1, 2))
    for platform in ("vm", "bare_metal"):
        api.add_event(looked, f"slipway_{platform}_image", built(OF, platform=platform, image=None))
    api.add_event(looked, "slipway_container_image", built(OF, reused=True))
    deploy = api.add_run(run("deploy", "success", OF, 5), task("container.rollout", "success", 3, 4))
    api.add_event(deploy, "slipway_deployment", deployment(OF))
    api.add_run(run("vm_image", "failed", OF, number=1), task("build", "failed"))  # of another push of it

    code, console = replay(api)
    assert code == 0, console
    digest = "sha256:" + "a" * 64
    for line in (
        "push of aaaaaaaaaaaa / look",
        "deploy / container.rollout",
        f"container: {digest}",
        "vm: nothing declared",
        "bare_metal: nothing declared",
        f"container runs {digest} in production",
    ):
        assert line in console
    assert "vm_image" not in console
