"""Servers that do the same job otherwise, and what calls them all: nothing here is part of the product."""
