"""What the server would answer for objects in files."""
