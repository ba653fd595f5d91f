"""The docker engine: the user's where there is one, else the lab's own."""
