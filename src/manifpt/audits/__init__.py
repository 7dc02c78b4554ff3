"""Audits: whether a class can be told from what is not content."""
