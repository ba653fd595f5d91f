"""The command line itself: its answers, exit codes, and what it does not import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.cli import main
from tests.cli.airflow_api import AirflowApi
from tests.cli.records import built, deployment, look, push, run

GOOD = "version: 1\nname: hello\ncontainer: {}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["status", "--help"], ["schema"], ["validate"]])
def test_the_command_never_imports_airflow(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "slipway.yaml").write_text(GOOD)
    program = (
        "import sys\nfrom slipway.cli import main\n"
        "try: code = main(sys.argv[1:])\nexcept SystemExit as end: code = end.code\n"
        "assert code == 0, code\nassert 'airflow' not in sys.modules"
    )
    root = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root / "plugins")},
        check=True,
        capture_output=True,
    )


def test_help_states_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["validate", "--help"])
    assert "exit codes: 0 success; 1 check failed" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("document", "field"), [("slipway", "container"), ("apps", "applications")])
def test_schema_prints_json_schema(document: str, field: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", document]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert field in schema["properties"]
    assert schema["additionalProperties"] is False


def test_validate_reads_slipway_yaml_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("slipway.yaml").write_text(GOOD)
    assert main(["validate"]) == 0
    assert capsys.readouterr().out == "slipway.yaml: ok\n"


def test_validate_prints_every_error_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "slipway.yaml"
    path.write_text(
        "version: 1\nname: Hello\ncontainer:\n  dockerfiel: x\n  kubernetes:\n    replicas: many\n"
    )
    assert main(["validate", str(path)]) == 1
    errors = capsys.readouterr().err
    for place in (
        f"{path}:2: name",
        f"{path}:4: container.dockerfiel",
        f"{path}:6: container.kubernetes.replicas",
    ):
        assert place in errors


def test_validate_knows_apps_yaml_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "apps.yaml"
    path.write_text("version: 1\napplications: {}\n")
    assert main(["validate", str(path)]) == 0
    path.write_text(GOOD)
    assert main(["validate", str(path)]) == 1
    assert "applications" in capsys.readouterr().err


def test_validate_answers_for_the_worst_of_its_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = tmp_path / "slipway.yaml"
    good.write_text(GOOD)
    assert main(["validate", str(good), str(tmp_path / "absent.yaml")]) == 2
    printed = capsys.readouterr()
    assert f"{good}: ok" in printed.out
    assert "absent.yaml: cannot be read: No such file or directory" in printed.err


def _deployed(api: AirflowApi, digit: str, seconds: float = 0) -> None:
    of = push(digit)
    api.add_run(look(of, seconds=seconds))
    build = api.add_run(run("container_image", "success", of, seconds + 2))
    api.add_event(build, "slipway_container_image", built(of))
    deploy = api.add_run(run("deploy", "success", of, seconds + 10))
    api.add_event(deploy, "slipway_deployment", deployment(of, seconds + 12))


def test_status_of_a_commit_as_json(api: AirflowApi, capsys: pytest.CaptureFixture[str]) -> None:
    _deployed(api, "a")
    assert main(["status", "aaaaaaaa", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert (status["repository"], status["commit"]) == ("examples/hello", "a" * 40)
    assert status["platforms"]["container"]["running"] == "demo/deployment/hello"


def test_status_without_a_commit_is_a_list(api: AirflowApi, capsys: pytest.CaptureFixture[str]) -> None:
    _deployed(api, "a")
    _deployed(api, "b", 60)
    assert main(["status", "--json"]) == 0
    assert [status["commit"] for status in json.loads(capsys.readouterr().out)] == ["b" * 40]


def test_status_for_people_shows_whole_digests(api: AirflowApi, capsys: pytest.CaptureFixture[str]) -> None:
    _deployed(api, "a")
    assert main(["status", "aaaaaaaa"]) == 0
    printed = capsys.readouterr().out
    for wanted in (
        "a" * 40,
        "sha256:" + "a" * 64,
        "http://127.0.0.1:30080/",
        "demo/deployment/hello (production)",
    ):
        assert wanted in printed


def test_status_of_a_failed_push_is_1(api: AirflowApi, capsys: pytest.CaptureFixture[str]) -> None:
    api.runs += [
        look(push("a")),
        run("container_image", "failed", push("a")),
        run("vm_image", "success", push("a")),
        run("bare_metal_image", "success", push("a")),
    ]
    api.add_event(api.runs[2], "slipway_vm_image", built(push("a"), platform="vm"))
    assert main(["status", "aaaaaaaa", "--watch"]) == 1
    assert "failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("commit", "message"),
    [
        ("main", "'main' is not a commit: give 7 to 64 hexadecimal digits"),
        ("abc", "'abc' is not a commit"),
        ("%%%%%%%%", "is not a commit"),
        ("cccccccc", "no pipeline run of cccccccc"),
    ],
)
def test_status_of_no_commit_is_2(
    api: AirflowApi, commit: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", commit]) == 2
    assert message in capsys.readouterr().err


def test_a_commit_of_two_applications_asks_which(api: AirflowApi, capsys: pytest.CaptureFixture[str]) -> None:
    for repository in ("examples/hello", "examples/fork"):
        api.add_run(look(push("a", repository)))
    assert main(["status", "aaaaaaaa"]) == 2
    assert "--app OWNER/NAME" in capsys.readouterr().err
    assert main(["status", "aaaaaaaa", "--app", "examples/fork"]) == 0


def test_a_commit_of_two_refs_shows_both_and_one_with_its_ref(
    api: AirflowApi, capsys: pytest.CaptureFixture[str]
) -> None:
    for ref in ("refs/heads/main", "refs/tags/v1"):
        api.add_run(look(push("a", ref=ref)))
    assert main(["status", "aaaaaaaa", "--json"]) == 0
    both = json.loads(capsys.readouterr().out)
    assert {one["ref"] for one in both} == {"refs/heads/main", "refs/tags/v1"}
    for given, ref in (("main", "refs/heads/main"), ("refs/tags/v1", "refs/tags/v1")):
        assert main(["status", "aaaaaaaa", "--ref", given, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["ref"] == ref
    assert main(["status", "aaaaaaaa"]) == 0
    printed = capsys.readouterr().out
    assert f"at {'a' * 40} (refs/heads/main)" in printed
    assert f"at {'a' * 40} (refs/tags/v1)" in printed
    assert main(["status", "--ref", "main"]) == 2
    assert "give COMMIT or --app" in capsys.readouterr().err


def test_status_where_no_airflow_answers_is_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AIRFLOW_USER", "admin")
    monkeypatch.setenv("AIRFLOW_PASSWORD", "x")
    assert main(["status"]) == 2
    assert "no answer from Airflow" in capsys.readouterr().err
