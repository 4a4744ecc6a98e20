"""Fuzzing: inputs that nobody thought of, and what must hold for each. `make fuzz` runs it."""
