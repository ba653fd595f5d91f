"""The tasks of the DAGs: they combine the systems, one file for each pipeline."""
