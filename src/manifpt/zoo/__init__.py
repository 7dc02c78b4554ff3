"""Generators that the project trains itself."""

from manifpt.zoo.demo import demo_generators, sampled
from manifpt.zoo.demo_images import demo_set
from manifpt.zoo.photographs import patches, photograph

__all__ = ["demo_generators", "demo_set", "patches", "photograph", "sampled"]
