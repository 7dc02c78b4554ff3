"""What a check tells: how closely a property goes with a class, and whether chance would do as much."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

LEVEL = 0.05
SHOWN = 5  # files to look at


@dataclass(frozen=True, slots=True)
class Check:
    """The answer of one check to one question.

    Args:
        name: What was looked at.
        question: Which labels it might give away.
        statistic: How closely both go together; what it is, ``measure`` says.
        measure: Name of the statistic.
        effect: What was seen, in plain words.
        files: Up to five images to look at, where it is most striking.
        p: Probability of as much under shuffled labels; None where it is a fact and no matter of chance.
        corrected: The same, corrected for the number of tests by Holm's method.
    """

    name: str
    question: str
    statistic: float
    measure: str
    effect: str
    files: tuple[str, ...] = ()
    p: float | None = None
    corrected: float | None = None

    @property
    def found(self) -> bool:
        """Whether it is a finding: a fact, or too much for chance among all that was tested."""
        return self.p is None or (self.corrected is not None and self.corrected <= LEVEL)

    def record(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"found": self.found, **asdict(self), "files": list(self.files)}
