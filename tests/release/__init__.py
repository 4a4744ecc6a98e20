"""Tests of what is released, with the programs that users have for it: `make release-check`."""
