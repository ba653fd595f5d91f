"""``python -m lab.airflow.prepare``: brings Airflow's database up to date and makes the lab's user.

Several of Airflow's commands in one process: Airflow is imported once. Settings and the user's name and
password (LAB_AIRFLOW_USER, LAB_AIRFLOW_PASSWORD) come by environment.
"""

from __future__ import annotations

import os

from airflow.cli.cli_parser import get_parser


def main() -> None:
    """Migrate, then make the user unless there is one."""
    parser = get_parser()
    user = [
        *("--username", os.environ["LAB_AIRFLOW_USER"]),
        *("--password", os.environ["LAB_AIRFLOW_PASSWORD"]),
        *("--firstname", "Lab", "--lastname", "Admin", "--email", "admin@lab.invalid", "--role", "Admin"),
    ]
    for command in (["db", "migrate"], ["users", "create", *user]):
        arguments = parser.parse_args(command)
        arguments.func(arguments)


if __name__ == "__main__":
    main()
