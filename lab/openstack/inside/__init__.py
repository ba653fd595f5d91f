"""What runs in the services' own virtual environment: nothing here is imported by the lab itself."""
