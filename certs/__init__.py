"""Certificates: issuing them. Keys are written where git does not look; none is ever in this package."""
