"""The parts of DAG files: forms, schedules, deadlines, links, and an operator that starts another DAG."""
