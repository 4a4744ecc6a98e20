"""The page on GitOps, tried with the programs that it is about."""
