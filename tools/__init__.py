"""Objects to deploy and to try, and what writes those of them that are generated."""
