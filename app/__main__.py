"""`python -m app` is `stash-admission`."""

from app.cli import main

main()
