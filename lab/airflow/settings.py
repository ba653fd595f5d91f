"""Airflow's settings in the lab, as environment variables.

https://airflow.apache.org/docs/apache-airflow/stable/configurations-ref.html
"""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

from lab.ground import Ground
from lab.patience import stretched
from lab.ports import HOST

FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
FAB_FILE = "webserver_config.py"
FAB_SETTINGS = 'FAB_PASSWORD_HASH_METHOD = "pbkdf2:sha256:1000"\n'
"""The lab's passwords are known to everybody: what makes guesses slow only costs each test its login."""
IDLE_SECONDS = "LAB_SCHEDULER_IDLE_SECONDS"
"""Environment variable: how long the scheduler pauses when it has nothing to do; for measurements."""
LIMITS = {
    ("api", "worker_timeout"): 120,
    ("core", "dagbag_import_timeout"): 30,
    ("dag_processor", "dag_file_processor_timeout"): 50,
    ("dag_processor", "health_check_threshold"): 30,
    ("dag_processor", "stale_dag_threshold"): 50,
    ("execution_api", "jwt_expiration_time"): 600,
    ("scheduler", "scheduler_health_check_threshold"): 30,
    ("scheduler", "task_instance_heartbeat_timeout"): 60,
    ("scheduler", "task_queued_timeout"): 600,
    ("triggerer", "triggerer_health_check_threshold"): 30,
    ("workers", "execution_api_timeout"): 5,
    ("workers", "max_failed_heartbeats"): 15,
}
"""Airflow's own limits, most of them its defaults, for a machine of today: slower ones have longer ones."""
APPS_FILE = "LAB_APPS_FILE"
"""Environment variable: another ``apps.yaml`` than the lab's; for measurements."""


def port(ground: Ground) -> int:
    """Return the API server's port."""
    return ground.ports.get("airflow", 8080)


def logs_port(ground: Ground) -> int:
    """Return the port of the server that shows the logs of running tasks."""
    return ground.ports.get("airflow-logs", 8793)


def home(ground: Ground) -> Path:
    """Return ``AIRFLOW_HOME``."""
    return ground.paths.state / "airflow"


def settings(ground: Ground, database: str) -> dict[str, str]:
    """Return ``AIRFLOW_HOME`` and ``AIRFLOW__SECTION__OPTION`` variables.

    :param database: SQLAlchemy URL of the metadata database.
    """
    sections = {
        "core": _core(ground),
        "database": {"sql_alchemy_conn": database},
        "api": _api(ground),
        "api_auth": {"jwt_secret": ground.logins.secret("airflow-jwt") * 3},
        "logging": {
            "base_log_folder": str(home(ground) / "logs"),
            "worker_log_server_port": str(logs_port(ground)),
            "trigger_log_server_port": str(logs_port(ground)),
            "colored_console_log": "False",
        },
        "scheduler": {
            "scheduler_idle_sleep_time": os.environ.get(IDLE_SECONDS, "0.5"),
            # A component that was killed is noticed soon.
            "orphaned_tasks_check_interval": "60",
        },
        # docs/decisions/0028
        "workers": {"min_heartbeat_interval": "1"},
        "dag_processor": {
            "refresh_interval": "5",
            "bundle_refresh_check_interval": "5",
            # A file that changes is read at once all the same.
            "min_file_process_interval": "300",
            "parsing_processes": "1",
        },
        "fab": {"config_file": str(home(ground) / FAB_FILE)},
    }
    known = {
        (section, option): value for section, options in sections.items() for option, value in options.items()
    }
    limits = {option: f"{stretched(figure):.0f}" for option, figure in LIMITS.items()}
    variables = {
        f"AIRFLOW__{section}__{option}".upper(): value
        for (section, option), value in {**known, **limits}.items()
    }
    return {"AIRFLOW_HOME": str(home(ground)), **variables}


def _core(ground: Ground) -> dict[str, str]:
    checkout = ground.paths.checkout
    return {
        "dags_folder": str(checkout / "dags"),
        "plugins_folder": str(checkout / "plugins"),
        "executor": "LocalExecutor",
        "parallelism": "16",
        "min_serialized_dag_update_interval": "5",
        "auth_manager": FAB,
        "fernet_key": _fernet_key(ground),
        "load_examples": "False",
        "dags_are_paused_at_creation": "False",
        "test_connection": "Enabled",
        # Components find each other by the machine's name, which needs no name server.
        "hostname_callable": "socket.gethostname",
        "execution_api_server_url": f"http://{HOST}:{port(ground)}/execution/",
    }


def _api(ground: Ground) -> dict[str, str]:
    return {
        "base_url": f"http://{HOST}:{port(ground)}",
        "host": HOST,
        "port": str(port(ground)),
        "workers": "1",
        "secret_key": ground.logins.secret("airflow-api"),
    }


def _fernet_key(ground: Ground) -> str:
    secret = ground.logins.secret("airflow-fernet").encode()
    return base64.urlsafe_b64encode(hashlib.sha256(secret).digest()).decode()
