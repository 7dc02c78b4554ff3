"""Where a model comes from: versions of everything that could change an answer."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

PACKAGES = ("manifpt", "numpy", "scipy", "scikit-learn", "torch", "transformers", "pillow")


def version() -> str:
    """Return manifpt's version."""
    try:
        return installed("manifpt")
    except PackageNotFoundError:
        return "unknown (not installed)"


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide an answer."""
    return {
        "python": platform.python_version(),
        **{name: installed(name) for name in PACKAGES if name != "manifpt"},
        "manifpt": version(),
    }
