"""What the server says of itself: series for Prometheus, lines of the log, and spans."""
