"""Messages to people: by mail and in Slack, through the notifiers of Airflow's providers."""
