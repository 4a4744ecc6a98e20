"""What makes the container image: its root file system, and the list of what is in it."""
