"""``python healthy.py COMPONENT``: exits with 0 while the API server has recent news of it.

COMPONENT is ``metadatabase``, ``scheduler``, ``dag_processor`` or ``triggerer``. Airflow's own command
(``airflow jobs check``) imports Airflow, which takes seconds of a core each time; this asks one question.

https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/logging-monitoring/check-health.html
"""

from __future__ import annotations

import json
import os
import sys
from urllib.error import URLError
from urllib.request import urlopen

ADDRESS = "SLIPWAY_URL"
"""Environment variable: the API server's address as the containers reach it."""


def main(component: str) -> int:
    """Return the exit status: 0 when the component is healthy."""
    address = f"{os.environ[ADDRESS]}/api/v2/monitor/health"
    try:
        with urlopen(address, timeout=8) as answer:  # noqa: S310 - the address is the installation's own
            health = json.load(answer)
    except (URLError, OSError, ValueError) as error:
        print(f"{address}: {error}")
        return 1
    status = health.get(component, {})
    print(status)
    return 0 if status.get("status") == "healthy" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
