"""The records that flow from a push to a deployment, and the pure functions between them.

Nothing in here opens a socket, reads a file or knows Airflow.
"""
