"""The numbers behind a figure, as one file of arrays."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from manifpt.errors import DataError
from manifpt.writing import replaced_file

SUFFIX = ".npz"


def exported(arrays: Mapping[str, ArrayLike], path: str | os.PathLike[str]) -> Path:
    """Write named arrays as one compressed ``.npz``, without pickles, and return its path.

    The file is written beside its place and renamed, so that no reader sees half of it. Its folder is made if needed.

    Raises:
        DataError: The suffix is another, or the file cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() != SUFFIX:
        raise DataError(
            f"{str(target)!r} does not end in {SUFFIX}",
            expected="the name of a file of arrays",
            remedy="change the suffix",
        )
    try:
        # An open file, for to a bare name NumPy would add the suffix.
        with replaced_file(target) as beside, beside.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **{name: np.asarray(array) for name, array in arrays.items()})
    except OSError as error:
        raise DataError(
            f"{str(target)!r} cannot be written: {error.strerror or error}",
            expected="a writable place",
            remedy="choose another path",
        ) from error
    return target
