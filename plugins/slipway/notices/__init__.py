"""Messages to people, through the notifiers of Airflow's providers: one module for each channel."""
