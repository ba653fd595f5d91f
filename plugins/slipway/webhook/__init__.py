"""The webhook sensor: signed bytes become a stored delivery and, for a push, an asset event.

``receiver`` decides without I/O; ``inbox`` stores; ``routes`` is the transport in Airflow's API server;
``sensors`` and ``triggers`` wait for a delivery from any DAG.
"""
