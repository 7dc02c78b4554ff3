"""Metrics: pure functions on arrays, one per file."""
