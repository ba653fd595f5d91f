"""The choices in forms: the names in apps.yaml, the only file that is read when Airflow reads a DAG file.

Airflow reads DAG files again every half minute (``[dag_processor] min_file_process_interval``); an
application that is added is in the forms from then on. While the file cannot be understood, the pipelines
stay and their forms take any name: their tasks read it again, and say what is wrong with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from slipway.config import load_apps
from slipway.flow.record import SlipwayError

MOST_OF_A_PROBLEM = 300


@dataclass(frozen=True)
class Choices:
    """Names that a person may choose from; none when apps.yaml has none, or cannot be understood."""

    repositories: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    problem: str = ""

    def told(self, description: str) -> str:
        """Return a field's description; it says why there is nothing to choose from."""
        return f"{description}. **No choices:** {self.problem}" if self.problem else description


def choices() -> Choices:
    """Return the names that apps.yaml has now."""
    try:
        apps = load_apps()
    except SlipwayError as error:
        return Choices(problem=str(error).splitlines()[0][:MOST_OF_A_PROBLEM])
    return Choices(tuple(sorted(apps.applications)), apps.named_refs, apps.environment_names)
