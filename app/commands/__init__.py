"""What each command does; `app.cli` says how it is typed."""
