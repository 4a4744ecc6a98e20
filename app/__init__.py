"""The admission webhook server for Stash, and its command line."""
