"""Where the lab's programs come from: the cache, a folder, a release site, modules, Debian's source."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from lab.kubernetes.programs import ensure_kubernetes, kubernetes_set, provide_programs
from lab.kubernetes.versions import NEWEST, OLDEST, choose_version, version_of
from lab.paths import Paths, paths_of
from lab.programs.apt_source import source_lines, source_stanzas, write_source_entries
from lab.programs.debian_source import DebianSource
from lab.programs.go import ensure_go, go_version, numbers, required_by
from lab.programs.go_modules import GoBuild, GoModule, ModulesUnavailableError
from lab.programs.kept import ProgramSet
from lab.programs.progress import Progress
from lab.programs.shared_build import SharedBuild
from lab.server import LabError

TOOLS = ProgramSet("tools", "1.2", ("one", "two"))
FOLDER, SITE = "SLIPWAY_KUBERNETES_BINARIES", "SLIPWAY_KUBERNETES_SITE"


def put(folder: Path, programs: tuple[str, ...], says: str = "") -> Path:
    """Put programs into ``folder`` that print ``says``."""
    folder.mkdir(parents=True, exist_ok=True)
    for program in programs:
        (folder / program).write_text(f"#!/bin/sh\necho {says or program}\n")
        (folder / program).chmod(0o755)
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A lab whose cache is empty, on whose machine no variable names a source."""
    for name in (FOLDER, SITE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = paths_of(tmp_path / "checkout")
    for folder in (found.logs, found.cache):
        folder.mkdir(parents=True)
    return found


# The cache


def test_a_set_is_made_once_appears_whole_and_leaves_nothing_else(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(programs: ProgramSet, work: Path) -> None:
        made.append(put(work / "bin", programs.programs))
        (work / "compiled").mkdir()

    assert TOOLS.find(tmp_path) is None
    folder = TOOLS.ensure(tmp_path, make)
    assert TOOLS.ensure(tmp_path, make) == folder == TOOLS.find(tmp_path)
    assert len(made) == 1
    assert names(folder) == ["one", "two"]
    assert names(tmp_path) == ["tools-1.2", "tools.lock"]


def test_half_a_set_is_none_and_is_made_anew(tmp_path: Path) -> None:
    put(tmp_path / "tools-1.2" / "bin", ("one",), "old")
    assert TOOLS.find(tmp_path) is None
    folder = TOOLS.ensure(tmp_path, lambda programs, work: void(put(work / "bin", programs.programs)))
    assert "old" not in (folder / "one").read_text()


def void(_: object) -> None:
    """Take a value where none is wanted."""


def test_what_a_killed_build_left_does_no_harm(tmp_path: Path) -> None:
    put(tmp_path / ".tools-1.2.making" / "bin", ("one", "two"), "half")
    put(tmp_path / ".tools-1.2.made" / "bin", ("one", "two"), "half")
    assert TOOLS.find(tmp_path) is None
    folder = TOOLS.ensure(tmp_path, lambda programs, work: void(put(work / "bin", programs.programs)))
    assert "half" not in (folder / "one").read_text()
    assert names(tmp_path) == ["tools-1.2", "tools.lock"]


def test_a_build_that_leaves_a_program_out_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"tools 1\.2 was built without two"):
        TOOLS.ensure(tmp_path, lambda _, work: void(put(work / "bin", ("one",))))
    assert names(tmp_path) == ["tools.lock"]


def test_of_two_that_ask_at_once_one_builds(tmp_path: Path) -> None:
    made: list[str] = []

    def make(programs: ProgramSet, work: Path) -> None:
        made.append(programs.name)
        put(work / "bin", programs.programs)

    threads = [Thread(target=TOOLS.ensure, args=(tmp_path, make)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert made == ["tools"]


def test_one_line_says_what_is_built_how_far_it_is_and_that_it_happens_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = Progress("building tools 1.2", 10)
    progress.start()
    for _ in range(10):
        progress.advance()
    progress.end()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "building tools 1.2 (once, then cached): begun"
    assert [line.partition("cached): ")[2].partition(",")[0] for line in lines[1:]] == [
        *("20 %", "40 %", "60 %", "80 %"),
        "done",
    ]


# The user's folder, and a release site


def test_the_users_folder_comes_before_the_cache(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = kubernetes_set(NEWEST)
    put(paths.cache / f"kubernetes-{NEWEST.number}" / "bin", wanted.programs)
    own = put(tmp_path / "own", wanted.programs, "Kubernetes v1.37.9")
    assert ensure_kubernetes(NEWEST, paths) == wanted.find(paths.cache)
    monkeypatch.setenv(FOLDER, str(own))
    assert ensure_kubernetes(NEWEST, paths) == own
    with pytest.raises(LabError, match=r"kube-apiserver is 1\.37\.9, but the lab uses 1\.20\.2"):
        ensure_kubernetes(OLDEST, paths)
    (own / "kubelet").unlink()
    with pytest.raises(LabError, match=f"{FOLDER} is .*, which lacks kubelet; add them, or unset it"):
        ensure_kubernetes(NEWEST, paths)


@pytest.fixture
def site(paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of Kubernetes 1.37's programs on a site on loopback with the layout of its releases."""
    folder = tmp_path / "site" / f"v{NEWEST.number}" / "bin" / "linux" / "amd64"
    for path in [
        put(folder, kubernetes_set(NEWEST).programs) / name for name in kubernetes_set(NEWEST).programs
    ]:
        Path(f"{path}.sha256").write_text(hashlib.sha256(path.read_bytes()).hexdigest())
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv(SITE, f"http://127.0.0.1:{server.server_port}/")
        try:
            yield folder
        finally:
            server.shutdown()
            serving.join(10)


def test_a_release_site_gives_its_programs_once(site: Path, paths: Paths) -> None:
    folder = ensure_kubernetes(NEWEST, paths)
    assert folder == kubernetes_set(NEWEST).find(paths.cache)
    assert subprocess.run([folder / "kubelet"], capture_output=True, check=True).stdout == b"kubelet\n"
    for path in site.iterdir():
        path.unlink()
    assert ensure_kubernetes(NEWEST, paths) == folder


def test_a_program_that_is_not_what_its_checksum_says_is_refused(site: Path, paths: Paths) -> None:
    (site / "kubelet").write_text("#!/bin/sh\necho somebody else's\n")
    with pytest.raises(
        LabError, match=f"kubelet does not match its checksum .* not used: repair the site that {SITE}"
    ):
        ensure_kubernetes(NEWEST, paths)
    assert kubernetes_set(NEWEST).find(paths.cache) is None


@pytest.mark.parametrize("lost", ["kube-proxy", "kube-proxy.sha256"])
def test_a_site_that_lacks_a_program_or_its_checksum_is_named(site: Path, paths: Paths, lost: str) -> None:
    (site / lost).unlink()
    with pytest.raises(
        LabError, match=f"does not serve kubernetes 1.37.2: .*404.*; correct {SITE}, or unset it"
    ):
        ensure_kubernetes(NEWEST, paths)


# Go modules


def module(folder: Path, requires: str = "") -> GoModule:
    """A module of one program that says what was set when it was linked."""
    folder.mkdir()
    (folder / "go.mod").write_text(f"module test/one\n\ngo 1.19\n{requires}")
    use = 'import _ "example.test/absent"\n' if requires else ""
    (folder / "main.go").write_text(f"package main\n{use}var said string\nfunc main() {{ println(said) }}\n")
    return GoModule(folder, packages=(".",), variables={"main.said": "hello"})


@pytest.mark.slow
def test_sets_of_one_module_are_built_together_and_their_build_leaves_nothing(
    paths: Paths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = replace(module(tmp_path / "one"), names={"one": ("first", "second")})
    (both.folder / "two").mkdir()
    (both.folder / "two" / "main.go").write_text("package main\nfunc main() {}\n")
    one, two = ProgramSet("one", "1", ("first", "second")), ProgramSet("two", "2", ("two",))
    build = SharedBuild(both, {one: (".",), two: ("./two",)}, paths.cache, paths.logs / "build.log")
    with build.kept():
        first = one.ensure(paths.cache, build)
        said = capsys.readouterr().out
        second = two.ensure(paths.cache, build)
    assert said.startswith("building one 1, two 2 from Go modules (once, then cached): begun\n")
    assert capsys.readouterr().out == ""
    # A program that is several is called by their names.
    assert (names(first), names(second)) == (["first", "second"], ["two"])
    assert (first / "first").samefile(first / "second")
    for name in names(first):
        assert subprocess.run([first / name], capture_output=True, check=True).stderr == b"hello\n"
    assert [name for name in names(paths.cache) if not name.startswith("go-")] == [
        *("one-1", "one.lock", "two-2", "two.lock"),
    ]


def test_modules_that_cannot_be_fetched_are_told_apart(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOPROXY", "off")
    absent = module(tmp_path / "one", "\nrequire example.test/absent v1.0.0\n")
    build = GoBuild(absent, paths.cache, paths.logs / "build.log")
    with pytest.raises(ModulesUnavailableError, match="the Go modules of one"):
        ProgramSet("one", "1", ("one",)).ensure(paths.cache, build)
    assert [name for name in names(paths.cache) if not name.startswith("go-")] == ["one.lock"]


@pytest.mark.slow
def test_a_module_that_does_not_compile_names_the_log(paths: Paths, tmp_path: Path) -> None:
    broken = module(tmp_path / "one")
    (broken.folder / "main.go").write_text("package main\nfunc main() { absent() }\n")
    build = GoBuild(broken, paths.cache, paths.logs / "build.log")
    with pytest.raises(LabError, match=r"build\.log\)(.|\n)*undefined: absent"):
        ProgramSet("one", "1", ("one",)).ensure(paths.cache, build)


def test_a_go_on_the_path_that_is_too_old_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would fetch a newer one by itself: what counts is what it is."""
    old = put(tmp_path / "path", ("go",), "go1.19.8")
    monkeypatch.setenv("PATH", f"{old}:{os.environ['PATH']}")
    kept = put(tmp_path / "cache" / "go-1.27.3" / "go" / "bin", ("go",), "go1.27.3")
    assert go_version(str(old / "go")) == (1, 19, 8)
    assert ensure_go((1, 26, 0), tmp_path / "cache", tmp_path / "log") == kept / "go"
    assert ensure_go((1, 19, 0), tmp_path / "cache", tmp_path / "log") == old / "go"


def test_a_go_mod_says_which_go_it_needs(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module x\n\ngo 1.26.1\n\nrequire a v1.2.3\n")
    assert required_by(tmp_path / "go.mod") == (1, 26, 1)
    assert numbers("go version go1.27 linux/amd64") == (1, 27, 0)


# Debian's source package


def test_one_line_entries_become_source_entries() -> None:
    text = """\
# deb http://commented.example/debian bookworm main
deb [signed-by=/x.gpg arch=amd64] http://one.example/debian bookworm main contrib  # why
deb-src http://two.example/debian bookworm main
  deb   http://three.example/debian bookworm-updates main
"""
    assert source_lines(text).splitlines() == [
        "deb-src [signed-by=/x.gpg arch=amd64] http://one.example/debian bookworm main contrib",
        "deb-src http://three.example/debian bookworm-updates main",
    ]


def test_stanzas_become_source_stanzas_unless_they_are_off() -> None:
    text = """\
# the archive
Types: deb deb-src
# a comment within
URIs: http://one.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 Types: no field, but a line of the key

Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main
"""
    converted = source_stanzas(text)
    assert converted.count("Types: deb-src") == 1
    assert "one.example" in converted
    assert "off.example" not in converted
    assert "source.example" not in converted
    assert " Types: no field, but a line of the key" in converted


def test_apts_own_files_are_read_and_others_are_not(tmp_path: Path) -> None:
    apt = tmp_path / "apt"
    (apt / "sources.list.d").mkdir(parents=True)
    (apt / "sources.list").write_text("deb http://one.example/debian bookworm main\n")
    (apt / "sources.list.d" / "two.sources").write_text("Types: deb\nURIs: http://two.example\n")
    (apt / "sources.list.d" / "three.list.disabled").write_text("deb http://three.example/ bookworm main\n")
    written = write_source_entries(apt, tmp_path / "out")
    assert [path.name for path in written] == ["source-sources.list", "source-two.sources"]


def test_the_archive_of_a_later_release_is_asked_for_debian_12(tmp_path: Path) -> None:
    apt = tmp_path / "apt"
    apt.mkdir()
    (apt / "sources.list").write_text("deb http://one.example/debian trixie main\n")
    [written] = write_source_entries(apt, tmp_path / "out")
    assert written.read_text() == "deb-src http://one.example/debian bookworm main\n"


def fake_build(folder: Path, *, compiles: bool) -> None:
    """Put an ``apt-get`` and a ``make`` on the path that do what the real ones leave behind."""
    folder.mkdir()
    (folder / "apt-get").write_text(
        '#!/bin/sh\ncase "$*" in *source*) mkdir kubernetes-1.2; : > kubernetes_1.2-3.dsc;; esac\n'
    )
    programs = " ".join(kubernetes_set(OLDEST).programs)
    said = "echo $GOFLAGS $GOLDFLAGS > $p; chmod 755 $p"
    made = f"mkdir -p _output/bin; cd _output/bin; for p in {programs}; do {said}; done\n"
    (folder / "make").write_text(f"#!/bin/sh\n{made if compiles else 'echo undefined: x; exit 2'}\n")
    for path in folder.iterdir():
        path.chmod(0o755)


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine's apt sources; apt-get and make come from ``<tmp_path>/path``."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:{os.environ['PATH']}")
    folder = tmp_path / "apt"
    folder.mkdir()
    (folder / "sources.list").write_text("deb http://one.example/debian bookworm main\n")
    return folder


def test_debians_source_is_built_without_clouds_and_debug_symbols(
    tmp_path: Path, apt: Path, paths: Paths
) -> None:
    fake_build(tmp_path / "path", compiles=True)
    folder = kubernetes_set(OLDEST).ensure(paths.cache, DebianSource(paths.logs / "build.log", apt))
    assert names(folder) == sorted(kubernetes_set(OLDEST).programs)
    assert (folder / "kubelet").read_text() == "-tags=providerless -s -w\n"
    assert names(paths.cache) == ["kubernetes-1.20.2", "kubernetes.lock"]


def test_a_build_that_fails_names_its_log_and_leaves_nothing(tmp_path: Path, apt: Path, paths: Paths) -> None:
    fake_build(tmp_path / "path", compiles=False)
    with pytest.raises(LabError, match=r"build\.log(.|\n)*undefined: x"):
        kubernetes_set(OLDEST).ensure(paths.cache, DebianSource(paths.logs / "build.log", apt))
    assert names(paths.cache) == ["kubernetes.lock"]


def test_without_modules_the_oldest_version_is_the_labs_unless_another_was_chosen(
    tmp_path: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No module cache, no proxy: Debian's source makes the programs, and DNS is left out."""
    fake_build(tmp_path / "path", compiles=True)
    go = tmp_path / "path" / "go"
    go.write_text(
        '#!/bin/sh\ncase "$*" in *GOVERSION) echo go1.99.0;; env*) printf "/none\\noff\\n";; '
        '*) echo "module lookup disabled by GOPROXY=off" >&2; exit 1;; esac\n'
    )
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:{os.environ['PATH']}")
    choose_version(paths, NEWEST)
    with pytest.raises(ModulesUnavailableError):
        provide_programs(paths)
    (paths.state / "kubernetes-version").unlink()
    found = provide_programs(paths)
    assert version_of(paths) is OLDEST
    assert found.kubernetes == kubernetes_set(OLDEST).find(paths.cache)
    assert found.coredns is None
    said = capsys.readouterr().out
    assert "taking 1.20 from Debian's source" in said
    assert "the cluster has no DNS" in said


def test_a_machine_without_apt_sources_is_told_the_cure(tmp_path: Path, apt: Path, paths: Paths) -> None:
    fake_build(tmp_path / "path", compiles=True)
    (apt / "sources.list").unlink()
    with pytest.raises(LabError, match="add Debian's to /etc/apt/sources"):
        kubernetes_set(OLDEST).ensure(paths.cache, DebianSource(paths.logs / "build.log", apt))
