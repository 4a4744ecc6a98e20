"""Argo CD's own way of comparing what Git has with what is stored."""
