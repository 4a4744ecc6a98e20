"""What a release consists of, made from one commit: the same commit gives the same bytes."""
