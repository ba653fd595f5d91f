"""What Airflow tells Slipway as it happens: its components' starts, the ends of runs, and of tasks."""
