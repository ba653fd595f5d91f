"""Real Packer: what it says, how it fails, and that a template sees nothing of the worker."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from slipway.packer import packer
from slipway.packer.errors import PackerError, TemplateError, TransientPackerError
from slipway.packer.packer import PackerBuild
from slipway.packer.workplace import PackerWorkplace
from tests.systems.packer.conftest import Make

SECRET = "a-secret-of-the-worker"
NULL = 'source "null" "one" { communicator = "none" }\nbuild {\n  sources = ["null.one"]\n%s\n}\n'


def shell(*lines: str) -> str:
    """A template that runs commands where Packer runs."""
    return NULL % f'  provisioner "shell-local" {{ inline = {json.dumps(list(lines))} }}'


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What the worker has and no template may get: in its environment, and in a file."""
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_OPENSTACK", SECRET)
    monkeypatch.setenv("OS_PASSWORD", SECRET)
    monkeypatch.setenv("PKR_VAR_leaked", SECRET)
    path = tmp_path / "secret"
    path.write_text(SECRET)
    return path


def test_version_is_a_number() -> None:
    assert packer.version()[0].isdigit()


def test_build_tells_its_steps_as_they_come(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    build = make("one.pkr.hcl", shell("echo first", "echo 'with, comma'"))
    packer.validate(build)
    transcript = packer.run(build, 60)
    assert "null.one: Running local shell script" in transcript.step or transcript.step
    assert "    null.one: first" in "\n".join(caplog.messages)
    assert "null.one: with, comma" in "\n".join(caplog.messages)
    steps = [line for line in caplog.messages if line.startswith("[")]
    assert steps
    assert all(" s] " in line for line in steps)


def test_variables_come_by_file_and_folders_can_be_written_to(make: Make, place: PackerWorkplace) -> None:
    template = 'variable "slipway_output" { type = string }\n' + shell(
        "mkdir -p ${var.slipway_output}", "echo made > ${var.slipway_output}/image", "echo t > /tmp/big"
    )
    build = replace(make("one.pkr.hcl", template), values={"slipway_output": str(place.output)})
    packer.run(build, 60)
    assert (place.output / "image").read_text() == "made\n"
    assert (place.scratch / "big").exists()


def test_template_that_does_not_validate_is_refused_with_packer_s_words(make: Make) -> None:
    build = make("one.pkr.hcl", 'source "qemu" "one" { iso_url = "x" }\nbuild { sources = ["qemu.one"] }\n')
    with pytest.raises(
        TemplateError, match=r"(?s)^`packer validate` refuses one.pkr.hcl:.*A checksum must be specified"
    ):
        packer.validate(build)


def test_template_with_an_unknown_block_is_refused(make: Make) -> None:
    with pytest.raises(TemplateError, match=r"(?s)refuses one.pkr.hcl:.*Unsupported block type"):
        packer.validate(make("one.pkr.hcl", 'nonsense "x" {}\n'))


def test_json_template_that_does_not_validate_is_refused(make: Make) -> None:
    content = {"builders": [{"type": "no-such-builder"}]}
    with pytest.raises(TemplateError, match=r"(?s)refuses one.json:.*no-such-builder"):
        packer.validate(make("one.json", json.dumps(content)))


def test_provisioner_that_fails_is_the_error_with_the_last_lines(make: Make) -> None:
    build = make("one.pkr.hcl", shell("echo about to fail", "exit 3"))
    with pytest.raises(PackerError) as failure:
        packer.run(build, 60)
    said = str(failure.value)
    assert said.startswith("Packer failed at ")
    assert "exit status 3" in said or "non-zero exit status: 3" in said
    assert "\n      null.one: about to fail" in said


def test_build_that_takes_too_long_names_its_step_and_the_cure(make: Make) -> None:
    build = make("one.pkr.hcl", shell("echo waiting", "sleep 600"))
    with pytest.raises(
        PackerError,
        match=r"took longer than 3 s and was stopped, in the step "
        ".*build_seconds",
    ):
        packer.run(build, 3)


HOSTILE = {
    "file-of-hcl": NULL % '  provisioner "shell-local" { inline = ["echo ${file("@SECRET@")}"] }',
    "environment": shell("env; cat /proc/*/environ | tr '\\0' '\\n'"),
    "file": shell("cat @SECRET@ || true"),
    "files-of-the-worker": shell("cat /etc/shadow /root/.ssh/* /work/main/.lab/secrets.json || true"),
    "link": shell("cat link || true"),
    "find": shell("grep -rs @WORD@ / --exclude-dir=proc --exclude-dir=sys --exclude-dir=usr -l || true"),
}


def outcome(build: PackerBuild) -> str:
    """What comes of a build, in words."""
    try:
        packer.run(build, 60)
    except PackerError as error:
        return str(error)
    return "built"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_template_gets_nothing_of_the_worker(
    make: Make, secret: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.INFO)
    content = HOSTILE[name].replace("@SECRET@", str(secret)).replace("@WORD@", SECRET[:-1] + "[t]")
    build = make("one.pkr.hcl", content)
    (build.context / "link").symlink_to(secret)
    said = outcome(build)
    assert SECRET not in said
    assert SECRET not in caplog.text
    assert "root:" not in caplog.text
    if name == "file-of-hcl":
        assert said.startswith("Packer failed: Error: Failed preparing provisioner-block")
        assert "no file exists" in " ".join(said.split())
    assert str(secret) not in [line.split()[-1] for line in caplog.messages if line.split()]


HOSTILE_JSON = {
    "env": {"variables": {"stolen": "{{env `OS_PASSWORD`}}"}},
    "user": {"variables": {"leaked": ""}},
}


@pytest.mark.parametrize("name", HOSTILE_JSON)
def test_hostile_json_template_gets_nothing_of_the_worker(
    make: Make, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.INFO)
    (variable,) = HOSTILE_JSON[name]["variables"]
    content = HOSTILE_JSON[name] | {
        "builders": [{"type": "null", "communicator": "none"}],
        "provisioners": [{"type": "shell-local", "inline": [f"echo got {{{{user `{variable}`}}}}."]}],
    }
    packer.run(make("one.json", json.dumps(content)), 60)
    assert "got ." in caplog.text
    assert SECRET not in caplog.text


def test_secrets_of_a_build_are_that_build_s_and_in_no_log(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    build = replace(make("one.pkr.hcl", shell('test "$OS_TOKEN" = lent')), secrets={"OS_TOKEN": "lent"})
    packer.run(build, 60)
    assert "lent" not in caplog.text.replace("silent", "")
    assert "lent" not in repr(build)


@pytest.mark.parametrize(
    ("script", "said"),
    [("kill -KILL $$", "ended by SIGKILL"), ("exec sleep 60", "took longer than 0.5 s")],
)
def test_packer_that_is_not_heard_out_is_asked_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    fake = tmp_path / "packer"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(packer, "VERSION_SECONDS", 0.5)
    with pytest.raises(TransientPackerError, match=said):
        packer.version()


def test_worker_without_packer_says_what_to_do(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(PackerError, match=r"Packer is not on this worker's PATH. Install it"):
        packer.version()
