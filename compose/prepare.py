"""``python prepare.py``: brings Airflow's database up to date and makes its first user.

Both in one process: Airflow is imported once, and the user's password (AIRFLOW_ADMIN_PASSWORD) is no argument
that a list of processes shows. A user who is there already is left as he is.
"""

from __future__ import annotations

import os

from airflow.cli.cli_parser import get_parser

USER = "admin"


def main() -> None:
    """Migrate, then make the user unless there is one."""
    user = ["--username", USER, "--password", os.environ["AIRFLOW_ADMIN_PASSWORD"], "--role", "Admin"]
    names = ["--firstname", "Slipway", "--lastname", "Admin", "--email", "admin@localhost.invalid"]
    parser = get_parser()
    for command in (["db", "migrate"], ["users", "create", *user, *names]):
        arguments = parser.parse_args(command)
        arguments.func(arguments)


if __name__ == "__main__":
    main()
