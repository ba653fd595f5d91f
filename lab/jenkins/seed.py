"""The jobs that are there from the start: ``lab/jenkins/jobs/<folder>/<job>.xml``."""

from __future__ import annotations

from pathlib import Path

from lab.jenkins.config import FOLDER_XML
from lab.jenkins.home import Home

JOBS = Path(__file__).parent / "jobs"


def seed(home: Home) -> None:
    """Make them, or make them anew as they are in the files; their builds stay."""
    for path in sorted(JOBS.glob("*/*.xml")):
        home.write_xml(path.parent.name, FOLDER_XML)
        home.write_xml(f"{path.parent.name}/{path.stem}", path.read_text())
