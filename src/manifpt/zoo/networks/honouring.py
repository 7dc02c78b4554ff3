"""What an architecture refuses to be asked for."""

from __future__ import annotations

from manifpt.errors import NumbersError, UnknownNameError
from manifpt.zoo.design import Design
from manifpt.zoo.networks.layers import GROUPS


def refuse_unhonoured(design: Design, **honoured: tuple[str, ...]) -> None:
    """Raise where a design asks an architecture for what it cannot be.

    Args:
        design: What is asked for.
        honoured: Per field of the design, what the architecture can be.

    Raises:
        UnknownNameError: One or more fields cannot be honoured; all are named.
        NumbersError: The width cannot be divided into groups.

    Example:
        >>> design = Design("a", "gan", "dcgan", "fir", "relu", "batch", "strided", "none", "bce")
        >>> refuse_unhonoured(design, upsampling=("fir",))
    """
    unmet = [field for field, choices in honoured.items() if getattr(design, field) not in choices]
    if unmet:
        raise UnknownNameError(
            f"{design.name}: {design.architecture} cannot have "
            + " and ".join(f"{field} {getattr(design, field)!r}" for field in unmet),
            expected="; ".join(f"{field} {' or '.join(honoured[field])}" for field in unmet),
            remedy="change the design or its architecture",
        )
    if design.normalisation == "group" and design.width % GROUPS:
        raise NumbersError(
            f"{design.name}: width {design.width} cannot be divided into groups",
            expected=f"a multiple of {GROUPS}",
            remedy=f"try width {-(-design.width // GROUPS) * GROUPS}",
        )
