"""One decision: which rules a request concerns, what they change, refuse and warn of, and the answer on the wire."""
