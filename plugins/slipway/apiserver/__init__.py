"""The questions of tasks and triggers to Airflow's API server, which alone has Airflow's database.

``questions`` says what can be asked, and ``client`` asks it; ``routes`` and ``answers`` answer, out of
``runs``, ``turns``, ``approvals`` and ``rights``.
"""
