"""What the server stands, measured: `make proof` runs it and writes `docs/proof.md`."""
