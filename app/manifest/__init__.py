"""Objects in files: read as kubectl reads them, with the place of every value, and rewritten where asked."""
