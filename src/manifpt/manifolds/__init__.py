"""Manifolds: point → its real counterpart."""
