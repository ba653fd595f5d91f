"""diskimage-builder's output, as people read it."""

from __future__ import annotations

from slipway.diskimage_builder.output import DiskimageTranscript

BUILD = """\
diskimage-builder version 3.43.0
Copying hooks for mine
Copying hooks /x/elements/mine/root.d/10-root
Running hooks from /w/dib_build.A1/hooks/root.d
dib-run-parts Sourcing environment file /w/dib_build.A1/hooks/root.d/../environment.d/10-x
++ export DIB_RELEASE=x
dib-run-parts Running /w/dib_build.A1/hooks/root.d/10-root
fetching \x1b[31mred\x1b[0m things
dib-run-parts 10-root completed
dib-run-parts ----------------------- PROFILING -----------------------
dib-run-parts Running /tmp/in_target.d/install.d/50-shop
E: Unable to locate package nignx
"""


def said(transcript: DiskimageTranscript, text: str) -> list[tuple[bool, str]]:
    return [found for line in text.splitlines() for found in transcript.read(line)]


def element_of(script: str) -> str | None:
    return {"root.d/10-root": "mine", "install.d/50-shop": "shop"}.get(script)


def test_steps_are_elements_and_scripts_and_noise_is_left_out() -> None:
    assert said(DiskimageTranscript(element_of), BUILD) == [
        (False, "diskimage-builder version 3.43.0"),
        (True, "reading elements"),
        (True, "element mine: root.d/10-root"),
        (False, "fetching red things"),
        (True, "element shop: install.d/50-shop"),
        (False, "E: Unable to locate package nignx"),
    ]


def test_failure_names_element_script_and_its_own_last_lines() -> None:
    transcript = DiskimageTranscript(element_of)
    said(transcript, BUILD)
    assert transcript.failure(100) == (
        "diskimage-builder failed in element shop: install.d/50-shop (exit 100)\n"
        "last lines:\n  E: Unable to locate package nignx"
    )


def test_failure_between_scripts_names_the_step() -> None:
    transcript = DiskimageTranscript(element_of)
    said(
        transcript,
        BUILD + "dib-run-parts 50-shop completed\nConverting image using qemu-img convert\nno room\n",
    )
    assert transcript.failure(1).startswith("diskimage-builder failed while converting the image (exit 1)")
    phase = DiskimageTranscript(element_of)
    said(phase, "Running hooks from /w/hooks/extra-data.d\nbash: syntax error\n")
    assert phase.failure(2).startswith("diskimage-builder failed while in the phase extra-data.d (exit 2)")


def test_script_that_nobody_brings_is_named_alone() -> None:
    transcript = DiskimageTranscript(lambda _: None)
    assert said(transcript, "dib-run-parts Running /w/hooks/root.d/99-x") == [(True, "root.d/99-x")]
