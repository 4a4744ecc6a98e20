"""Where everything leaves that is written for people."""
