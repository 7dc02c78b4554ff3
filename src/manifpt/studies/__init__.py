"""Studies: the paper's tables as functions."""
