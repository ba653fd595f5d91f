"""Airflow: the API server, scheduler, DAG processor, triggerer and the server of task logs."""
