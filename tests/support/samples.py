"""The samples that tests ask for by name."""

PROPOSED = ("backupconfiguration", "backupbatch", "restoresession", "restorebatch")
"""The objects of the proposal, one of each kind."""
