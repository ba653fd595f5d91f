"""Listeners of Airflow's events: starts of its components, ends of runs, ends of tasks."""
