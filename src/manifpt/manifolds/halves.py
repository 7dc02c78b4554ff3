"""Products of numbers of 16 bits, which some processors make several times as fast as of 32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 4096
UNIT = 2.0**-8  # of a product that is rounded to 8 bits: twice the unit roundoff, and so with room for what is added
PROVED = 64  # rows whose products are compared, before any is believed


@dataclass(frozen=True, slots=True)
class Halves:
    """Rows rounded to bfloat16.

    With x̂ and ŷ the rounded rows, |⟨x̂, ŷ⟩ − ⟨x, y⟩| ≤ ‖x − x̂‖‖y‖ + ‖x̂‖‖y − ŷ‖, both of which are measured. The sum is
    made in float32 and rounded to 8 bits, at most 2⁻⁹ of ‖x̂‖‖ŷ‖.

    Args:
        values: (m, s) bfloat16.
        error: The longest difference between a row and its rounded one.
        reach: The length of the longest rounded row.
    """

    values: Tensor
    error: float
    reach: float

    def products(self, rows: Tensor, start: int, stop: int) -> NDArray[np.float32]:
        """Return the products of rounded rows (n, s) with those from ``start`` to ``stop``."""
        found: NDArray[np.float32] = (rows @ self.values[start:stop].T).float().numpy()
        return found

    def margin(self, rows: NDArray[np.float32], errors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far a product of each row may be off."""
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
        longest = self.reach + self.error
        return np.asarray(errors * longest + (lengths + errors) * (self.error + UNIT * longest))


def rounded(rows: NDArray[np.float32]) -> tuple[Tensor, NDArray[np.float64]]:
    """Return rows in bfloat16, and the length of the difference of each."""
    import torch  # noqa: PLC0415  (torch loads where it is first needed)

    values = torch.from_numpy(np.ascontiguousarray(rows)).bfloat16()
    errors = np.empty(len(rows))
    for start in range(0, len(rows), ROWS):
        part = slice(start, start + ROWS)
        apart = rows[part] - values[part].float().numpy()
        errors[part] = np.sqrt(np.einsum("ij,ij->i", apart, apart, dtype=np.float64)) * (1 + 2.0**-20)
    return values, errors


def halves(rows: NDArray[np.float32]) -> Halves | None:
    """Return rows (m, s) in bfloat16; None where this processor is not faster with them, or rounds otherwise."""
    import torch  # noqa: PLC0415  (torch loads where it is first needed)

    able: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    if not (able.get("avx512_bf16") or able.get("amx_bf16")):
        return None
    values, errors = rounded(rows)
    reach = float(np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64).max()))
    found = Halves(values, float(errors.max()), reach)
    few = rows[:: max(1, len(rows) // PROVED)]
    exact = few.astype(np.float64) @ rows[:PROVED].T.astype(np.float64)
    apart = np.abs(found.products(rounded(few)[0], 0, PROVED) - exact)
    return found if (apart <= found.margin(few, rounded(few)[1])[:, None]).all() else None
