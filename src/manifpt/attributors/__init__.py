"""Attributors: features → probability of each generator."""
