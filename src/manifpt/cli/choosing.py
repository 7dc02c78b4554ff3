"""Which method the options of ``fit`` and ``evaluate`` ask for: one by its name, the paper's, or one put together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from manifpt.cli.given import GivenMethod
from manifpt.cli.idle import given, refuse_idle
from manifpt.errors import ManifptError

if TYPE_CHECKING:
    from manifpt.methods.method import Method

AUTO, PAPERS = "auto", "resnet50"
PUT_TOGETHER = {"space": "--space", "attributor": "--attributor", "manifold": "--manifold"}
# What a method of a name brings with it.
OF_A_NAMED = {**PUT_TOGETHER, "block": "--block", "engine": "--engine"}
OF_THE_PAPER = {"attributor": "--attributor", "manifold": "--manifold"}


def chosen(context: typer.Context, options: GivenMethod, *, method: str | None, paper: bool) -> Method:
    """Return the unfitted method, once its weights are there.

    Args:
        context: Of the command, which knows what was given.
        options: What was given or is the default.
        method: Name of a method.
        paper: Whether the paper's attributor names generators from artifacts to the nearest real.

    Raises:
        ManifptError: Options contradict each other, or the method cannot be had.
    """
    if paper and method is not None:
        raise _beside("--method", "--paper", "one of them")
    if paper:
        refuse_idle(
            context, OF_THE_PAPER, lambda idle: _beside(idle, "--paper", "a space only: the paper has the rest")
        )
        return replace(options, attributor=PAPERS).built()
    if method is not None:
        expected = "a method's name only: it has its own space, manifold and attributor"
        refuse_idle(context, OF_A_NAMED, lambda idle: _beside(idle, "--method", expected))
        return options.named(method)
    return options.built() if given(context, OF_A_NAMED) else options.named(AUTO)


def _beside(idle: str, other: str, expected: str) -> ManifptError:
    return ManifptError(
        f"{idle} was given with {other}", expected=expected, remedy=f"leave it out, or leave {other} out"
    )


def worded(method: Method) -> str:
    """Return in a few words what a method consists of, such as ``linear on artifacts in freq``."""
    return _on(method.attributor.settings() | {"name": method.attributor.name}, method.extractor.settings())


def _on(attributor: dict[str, Any], extractor: dict[str, Any]) -> str:
    if "parts" in attributor and "parts" in extractor:
        return " + ".join(map(_on, attributor["parts"], extractor["parts"]))
    where = f" in {extractor['space']['name']}" if "space" in extractor else ""
    return f"{attributor['name']} on {extractor['name']}{where}"
