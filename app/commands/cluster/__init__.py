"""What a cluster holds at this moment: read once, page by page, and changed object by object."""
