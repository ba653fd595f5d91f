"""What Airflow tells Slipway as it happens: the ends of runs, and of tasks."""
