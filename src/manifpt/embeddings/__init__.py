"""Embeddings: image → point of a space."""
