"""What the tasks do that tell people how runs end."""
