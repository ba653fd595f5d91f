"""The webhook sensor: signed bytes become a stored delivery and, for a push, an asset event.

``github`` decides without I/O; ``inbox`` stores; ``routes`` and ``transport`` are its HTTP in Airflow's API
server; ``sensors`` and ``triggers`` wait for a delivery from any DAG.
"""
