"""What DAG files are made of: forms, schedules, deadlines, links, and an operator that starts another DAG."""
