"""What a benchmark found, how it is printed, and how it is kept."""

from __future__ import annotations

import json
import os
import platform
import statistics
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, computed_field

RESULTS = Path(__file__).parent / "results"


class Result(BaseModel):
    """One claim, with both sides' samples of the same run (seconds, unless ``unit`` says otherwise)."""

    name: str
    claim: str
    """What is measured, against what."""
    peer: str
    slipway_seconds: list[float]
    peer_seconds: list[float] = []
    measure: str
    """``ratio``, ``overhead``, or the largest sample (``seconds``, ``peak``): what ``limit`` bounds."""
    limit: float
    unit: str = "s"
    notes: list[str] = []

    @computed_field  # type: ignore[prop-decorator]
    @property
    def slipway_median(self) -> float:
        """Median of Slipway's samples, in seconds."""
        return round(statistics.median(self.slipway_seconds), 3)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def peer_median(self) -> float | None:
        """Median of the peer's samples, in seconds; None when the claim is absolute."""
        return round(statistics.median(self.peer_seconds), 3) if self.peer_seconds else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def value(self) -> float:
        """The measured figure that the limit bounds."""
        if self.measure == "ratio" and self.peer_median:
            return round(self.slipway_median / self.peer_median, 2)
        if self.measure == "overhead" and self.peer_median is not None:
            return round(self.slipway_median - self.peer_median, 2)
        return round(max(self.slipway_seconds), 3)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def met(self) -> bool:
        """Whether the figure is within its limit, and nothing else was found amiss."""
        return self.value <= self.limit and not self.notes

    def line(self) -> str:
        """One line for the terminal."""
        peer = f" | {self.peer}: {self.peer_median:.2f} {self.unit}" if self.peer_median is not None else ""
        verdict = "met" if self.met else "MISSED"
        return (
            f"{self.name}: {self.claim}\n"
            f"    Slipway: {self.slipway_median:.2f} {self.unit}{peer} | "
            f"{self.measure} {self.value:.2f}, limit {self.limit:g}: {verdict}"
        )

    def write(self) -> Path:
        """Write the result, with the machine it was measured on, to ``results/NAME.json``."""
        RESULTS.mkdir(exist_ok=True)
        document = self.model_dump(mode="json") | {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {
                "cpus": os.cpu_count(),
                "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
                "kernel": platform.release(),
                "python": platform.python_version(),
            },
        }
        path = RESULTS / f"{self.name}.json"
        path.write_text(json.dumps(document, indent=2) + "\n")
        return path
