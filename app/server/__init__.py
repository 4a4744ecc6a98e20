"""The process: connections, TLS, HTTP, health, metrics and logs around a decision."""
