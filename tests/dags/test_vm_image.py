"""Real commits, and what ``vm_image`` makes of them on the worker, in Artifactory and in Glance."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest

from lab.access import Lab
from lab.images.vm_publish import PATH
from tests.dags.in_process import as_on_worker, call
from tests.dags.pushing import Pushed
from tests.dags.vm_images import (
    COPY,
    DAG,
    FOLDER,
    IMAGE,
    SPEAKING,
    SPEC,
    VmImages,
    by_worker,
    example,
    files,
    vm_images,
)

pytestmark = pytest.mark.lab

IN_ORDER = ("plan", "base", "build", "boot_test", "publish")
NO_IMAGE = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def images(lab: Lab, app: Pushed) -> Iterator[VmImages]:
    with vm_images(lab, app) as found:
        yield found


def test_a_push_becomes_a_booted_image_with_one_digest_in_both_registries(images: VmImages) -> None:
    push = images.push(example())
    run = images.run(push)
    assert run.tasks == dict.fromkeys(IN_ORDER, "success"), run.log("build")
    steps = [line for line in run.log("build") if re.match(r"\[ *\d+\.\d s\] ==> qemu\.hello: ", line)]
    assert any("Provisioning with shell script" in line for line in steps)
    assert f"hello at {push.commit}" in "\n".join(run.log("boot_test"))

    built = images.built(run)
    image = built.image
    assert image is not None
    assert (built.push.commit, built.platform, built.reused, built.deploy) == (
        push.commit,
        "vm",
        False,
        False,
    )
    assert image.reference.startswith(f"{images.folder}/{image.input_digest[7:47]}/")
    [base] = image.bases
    assert (base.name, base.reference, base.served_by) == (PATH, PATH, "artifactory")
    assert images.digests(image.reference, str(image.glance)) == {image.digest}

    [found] = images.in_glance()
    assert (str(found.id), found.status, found.is_hidden) == (str(image.glance), "active", False)
    assert found.properties["slipway_run"] == run.id
    assert found.properties["slipway_commit"] == push.commit
    assert found.properties["slipway_boot"] == "passed"
    told = images.properties(image.reference)
    assert told["slipway.commit"] == push.commit
    assert told["slipway.input_digest"] == image.input_digest
    assert told["slipway.glance"] == str(image.glance)
    record = images.artifactory.get(f"/{images.folder}/commits/{push.commit}.json").raise_for_status()
    assert record.json() == image.to_json()
    number = push.commit[:12]
    name = images.folder.replace("/", " :: ")
    info = images.artifactory.get(f"/api/build/{name}/{number}").raise_for_status().json()["buildInfo"]
    [artifact] = info["modules"][0]["artifacts"]
    assert f"sha256:{artifact['sha256']}" == image.digest
    assert images.on_worker() == []


def test_the_same_inputs_are_built_once_whatever_commit_has_them(images: VmImages) -> None:
    first = images.push(files(SPEAKING))
    run = images.run(first)
    assert run.tasks == dict.fromkeys(IN_ORDER, "success")
    image = images.built(run).image
    assert image is not None

    second = images.push({**files(SPEAKING), "README": "another commit, the same folder vm/"})
    again = images.run(second)
    assert again.tasks == {
        "plan": "success",
        "base": "success",
        "build": "skipped",
        "boot_test": "skipped",
        "publish": "success",
    }
    built = images.built(again)
    assert (built.reused, built.push.commit, built.image) == (True, second.commit, image)
    assert [line for line in again.log("base") if f"were built at {first.commit[:12]}" in line]
    assert len(images.in_glance()) == 1

    # Glance loses it: it comes back from Artifactory, and nothing is built.
    images.cloud.image.delete_image(str(image.glance))
    third = images.run(second)
    restored = images.built(third).image
    assert restored is not None
    assert (third.tasks["build"], restored.digest) == ("skipped", image.digest)
    assert restored.glance != image.glance
    assert images.digests(restored.reference, str(restored.glance)) == {image.digest}


def test_an_image_that_fails_its_boot_test_is_kept_hidden_and_never_handed_on(images: VmImages) -> None:
    spec = SPEC.replace("within_seconds: 120", "within_seconds: 10")
    template = 'variable "slipway_commit" { type = string }\n' + SPEAKING
    push = images.push(files(template, spec))
    run = images.run(push)
    assert run.state == "failed", run.story
    assert run.tasks == {
        "plan": "success",
        "base": "success",
        "build": "success",
        "boot_test": "failed",
        "publish": "upstream_failed",
    }
    [detail] = run.errors("boot_test")[0]["error_detail"]
    [hidden] = images.in_glance()
    assert "the image does not boot as expected: after 10 s" in detail["exc_value"]
    assert f"its console does not show '{push.commit}'" in detail["exc_value"]
    assert str(hidden.id) in detail["exc_value"]
    assert (hidden.is_hidden, hidden.properties["slipway_boot"]) == (True, "failed")
    assert images.app.airflow.get_run_events(DAG, run.id) == []

    again = images.run(push)
    assert (again.state, again.tasks["build"], again.tasks["boot_test"]) == ("failed", "success", "failed")
    assert [found.is_hidden for found in images.in_glance()] == [True]
    assert not [path for path in images.in_artifactory() if "commits" in path]


MACHINE = example()["vm/image.pkr.hcl"]
BACKED = f"qemu-img create -q -u -f qcow2 -b /etc/passwd -F raw {IMAGE} 1M"
BAD: dict[str, tuple[str, dict[str, str], str]] = {
    # What is wrong: the task that says so, the files, a pattern of what it says.
    "no template": ("plan", {"slipway.yaml": SPEC}, r"vm.context: vm is not a folder of the commit"),
    "template is a link": (
        "plan",
        {"slipway.yaml": SPEC, "vm/x": ""},
        "vm.template: .* is, or is behind, a link",
    ),
    "context is a link": ("plan", {"slipway.yaml": SPEC}, "vm.context: vm is, or is behind, a link"),
    "undeclared variable": (
        "plan",
        files(spec=SPEC + "  variables: {COLOUR: red}\n"),
        r"the template declares no variable 'COLOUR'",
    ),
    "own variable that is none": (
        "plan",
        files(by_worker("true", variables=("slipway_comit",))),
        "'slipway_comit' is not one that Slipway sets",
    ),
    "unknown base": (
        "base",
        files(spec=SPEC.replace(PATH, "generic-local/bases/never.qcow2")),
        "Artifactory has no generic-local/bases/never.qcow2. Correct the path",
    ),
    "unknown base in Glance": (
        "base",
        files(spec=SPEC.replace(f"artifactory: {PATH}", f"glance: {NO_IMAGE}")),
        f"Glance has no image {NO_IMAGE} that this project may see",
    ),
    "base that changed": (
        "base",
        files(spec=SPEC.replace(PATH, f'{PATH}, digest: "sha256:{"1" * 64}"')),
        f"base {PATH} is sha256:[0-9a-f]+, and not sha256:1+",
    ),
    "does not validate": (
        "build",
        files(COPY + 'nonsense "x" {}\n'),
        "(?s)`packer validate` refuses.*nonsense",
    ),
    "failing provisioner": (
        "build",
        files(by_worker("echo because of NAME", "exit 3")),
        r"(?s)Packer failed.*exit status: 3.*because of NAME",
    ),
    "SSH never answers": (
        "build",
        {**example(), "vm/image.pkr.hcl": MACHINE.replace('"5m"', '"3s"').replace('"root"', '"nobody"')},
        "(?s)Packer failed.*Timeout waiting for SSH",
    ),
    "reads the worker's files": (
        "build",
        files(by_worker('echo ${file("/etc/shadow")}').replace('\\"', '"')),
        "(?s)no\\s+file\\s+exists\\s+at /etc/shadow",
    ),
    "no image": ("build", files(by_worker("true")), "left no image in the output folder"),
    "empty image": ("build", files(by_worker(FOLDER, f": > {IMAGE}")), r"it is empty \(0 bytes\)"),
    "image with a backing file": ("build", files(by_worker(FOLDER, BACKED)), "(?i)backing file"),
    "image that is a link": (
        "build",
        files(by_worker(FOLDER, f"ln -s /etc/shadow {IMAGE}")),
        "left no file in slipway_output",
    ),
}
LINKS = {
    "template is a link": {"vm/image.pkr.hcl": "/etc/passwd"},
    "context is a link": {"vm": "/etc"},
}


REAL = "failing provisioner"
"""The case that Airflow itself runs: what it makes of a task that refuses."""


@pytest.mark.parametrize("case", [case for case in BAD if case != REAL])
def test_bad_input_fails_at_once_with_one_clear_error_and_leaves_nothing(
    lab: Lab, images: VmImages, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    failing, content, said = BAD[case]
    push = images.push(content, LINKS.get(case))
    with as_on_worker(lab), caplog.at_level(logging.INFO):
        ended = call(DAG, repository=push.repository, ref=push.ref, commit=push.commit)
    at = IN_ORDER.index(failing)
    assert ended.states == dict(zip(IN_ORDER, [*["success"] * at, "failed"], strict=False))
    assert re.search(said.replace("NAME", images.app.name), ended.refused), ended.refused
    assert "Traceback" not in caplog.text
    assert_nothing_is_left(images)


def test_airflow_ends_a_refused_build_at_once_and_starts_nothing_after_it(images: VmImages) -> None:
    failing, content, said = BAD[REAL]
    run = images.run(images.push(content))
    at = IN_ORDER.index(failing)
    assert run.state == "failed", run.story
    assert [run.tasks[task] for task in IN_ORDER] == states(at)
    assert run.tries[failing] == 1, run.story
    [detail] = run.errors(failing)[0]["error_detail"]
    assert detail["exc_type"] == "AirflowFailException"
    assert re.search(said.replace("NAME", images.app.name), detail["exc_value"]), detail["exc_value"]
    assert "Traceback" not in "\n".join(run.log(failing))
    assert images.app.airflow.get_run_events(DAG, run.id) == []
    assert_nothing_is_left(images)


def assert_nothing_is_left(images: VmImages) -> None:
    assert (images.in_glance(), images.in_artifactory(), images.on_worker()) == ([], [], [])


def states(at: int) -> list[str]:
    return [*["success"] * at, "failed", *["upstream_failed"] * (len(IN_ORDER) - at - 1)]
