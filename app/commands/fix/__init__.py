"""Writing what the server would change into the files."""
