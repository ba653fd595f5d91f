"""Links beside a task in Airflow's UI: a task stores an address, its link shows it. And a run's own page."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink


class StoredLink(BaseOperatorLink):  # type: ignore[misc]
    """A button that leads to the address which the task stored with :meth:`store`."""

    name = ""
    key = ""

    def store(self, context: Any, address: str) -> None:
        """Keep the address for the button; without one there is no button."""
        if address:
            context["ti"].xcom_push(key=self.key, value=address)

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002
        """Return the stored address."""
        from airflow.sdk.bases.xcom import BaseXCom

        return BaseXCom.get_value(ti_key=ti_key, key=self.key) or ""


class CommitLink(StoredLink):
    """The commit in the code registry."""

    name, key = "Commit", "commit_page"


class JenkinsLink(StoredLink):
    """The build in Jenkins that was handed the commit."""

    name, key = "Jenkins", "jenkins_page"

    def store(self, context: Any, address: str) -> None:
        """Keep the address if it is one that a browser may be sent to."""
        super().store(context, address if address.startswith(("http://", "https://")) else "")


class ImageLink(StoredLink):
    """The image in the image registry."""

    name, key = "Image registry", "image_page"


class ObjectLink(StoredLink):
    """What runs, as its platform shows it."""

    name, key = "Kubernetes object", "object_page"


class PageLink(StoredLink):
    """Where the application answers."""

    name, key = "Open the application", "application_page"


def run_page(dag_id: str, run_id: str) -> str:
    """Return the address of a run in Airflow's UI."""
    from airflow.sdk.configuration import conf

    base = str(conf.get("api", "base_url", fallback="")).rstrip("/")
    return f"{base}/dags/{dag_id}/runs/{quote(run_id, safe='')}"
