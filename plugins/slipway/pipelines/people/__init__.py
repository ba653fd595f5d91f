"""The tasks that report to people how runs end."""
