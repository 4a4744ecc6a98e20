"""A page on the user's own machine that judges what is typed into it."""
