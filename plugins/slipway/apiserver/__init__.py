"""What tasks and triggers ask Airflow's API server, which alone has Airflow's database.

``questions`` says what can be asked, and ``client`` asks it; ``routes`` and ``answers`` answer, out of
``runs``, ``turns``, ``approvals`` and ``rights``.
"""
