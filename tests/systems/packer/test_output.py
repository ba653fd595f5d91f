"""Packer's machine-readable output, as people read it."""

from __future__ import annotations

from slipway.packer.output import OutputLine, PackerTranscript, parse

RUN = r"""
1795567037,,ui,say,==> qemu.hello: Waiting for SSH to become available...
1795567038,,ui,message,    qemu.hello: with%!(PACKER_COMMA) comma\n    qemu.hello: and two lines
not of Packer's: a plugin's panic
1795567039,,ui,say,==> qemu.hello: Provisioning with shell script: install.sh
1795567040,,ui,error,==> qemu.hello: Script exited with non-zero exit status: 3
1795567040,,ui,error,Build 'qemu.hello' errored: Script exited with non-zero exit status: 3
1795567040,qemu.hello,error,Script exited with non-zero exit status: 3
1795567040,,ui,say,\n==> Some builds didn't complete successfully and had errors:
1795567041,,ui,say,\n==> Builds finished but no artifacts were created.
""".strip().splitlines()

TIDIED = r"""
1795569694,,ui,say,==> openstack.server: Launching server...
1795569697,,ui,error,==> openstack.server: refused%!(PACKER_COMMA) not
1795569697,,ui,say,==> openstack.server: Deleting temporary keypair: hand3 ...
1795569697,,ui,error,Build 'openstack.server' errored after 3 seconds: refused%!(PACKER_COMMA) not
1795569697,,ui,error,\n==> Some builds didn't complete successfully and had errors:
1795569697,openstack.server,error,refused%!(PACKER_COMMA) not
1795569697,,ui,error,--> openstack.server: refused%!(PACKER_COMMA) not
""".strip().splitlines()

MADE = r"""
1795567050,,ui,say,--> openstack.server: An image was created: 50e3c499
1795567050,openstack.server,artifact-count,1
1795567050,openstack.server,artifact,0,builder-id,mitchellh.openstack
1795567050,openstack.server,artifact,0,id,50e3c499-5cf2-40a8-87f0-7f579dea7f4f
1795567050,openstack.server,artifact,0,end
""".strip().splitlines()


def read(lines: list[str]) -> tuple[PackerTranscript, list[tuple[bool, str]]]:
    transcript = PackerTranscript()
    return transcript, [said for line in lines for said in transcript.read(line)]


def test_line_is_taken_apart() -> None:
    assert parse(r"1,qemu.a,ui,say,a%!(PACKER_COMMA) b\nc") == OutputLine("qemu.a", "ui", ("say", "a, b\nc"))
    assert parse("Error: Unsupported block type") is None
    assert parse("") is None


def test_run_is_told_line_by_line_and_its_steps_stand_out() -> None:
    _, said = read(RUN)
    assert (True, "==> qemu.hello: Waiting for SSH to become available...") in said
    assert (False, "    qemu.hello: with, comma") in said
    assert (False, "    qemu.hello: and two lines") in said
    assert (False, "not of Packer's: a plugin's panic") in said


def test_failure_names_step_cause_and_last_lines_and_no_cause_twice() -> None:
    transcript, _ = read(RUN)
    first, *rest = transcript.failure().splitlines()
    assert first == (
        "Packer failed at 'qemu.hello: Provisioning with shell script: install.sh': "
        "Script exited with non-zero exit status: 3"
    )
    assert rest[0] == "its last lines:"
    assert "  ==> qemu.hello: Script exited with non-zero exit status: 3" in rest


def test_failure_is_of_the_step_that_failed_and_not_of_those_that_tidy_up() -> None:
    first, *_ = read(TIDIED)[0].failure().splitlines()
    assert first == ("Packer failed at 'openstack.server: Launching server...': refused, not")


def test_failure_without_a_word_is_told_as_such() -> None:
    assert PackerTranscript().failure() == "Packer failed: it gave no reason\nits last lines: none"


def test_what_was_made_is_known_by_its_id() -> None:
    assert read(MADE)[0].artifacts == ["50e3c499-5cf2-40a8-87f0-7f579dea7f4f"]


def test_colours_and_control_characters_do_not_reach_the_log() -> None:
    _, said = read(["1,,ui,message,\x1b[1;32mgreen\x1b[0m\x07\x00 bell"])
    assert said == [(False, "green bell")]


def test_endless_line_is_cut() -> None:
    [(_, line)] = read(["1,,ui,message," + "x" * 10**6])[1]
    assert len(line) == 2000
