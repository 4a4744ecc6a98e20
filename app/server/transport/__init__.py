"""Connections: how they come in, what is spoken on them, and how many of what there may be at once."""
