"""Networks of generators and what they are trained for, one file per architecture."""
