"""Pushes on record: one row each, the runs that follow from it, and how it ends.

Runs where Airflow's database is: in the API server, and in the scheduler's listeners.
"""
