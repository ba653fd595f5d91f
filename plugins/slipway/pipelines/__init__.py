"""What the DAGs' tasks do: systems put together, one file a pipeline."""
