"""Closing the gate: the webhooks are asked about nothing until a replica has answered."""
