"""Where networks run."""

from __future__ import annotations

from contextvars import ContextVar

from manifpt.errors import ManifptError

_chosen: ContextVar[str] = ContextVar("device", default="auto")


def choose(name: str) -> None:
    """Let networks run on ``auto``, ``cpu`` or ``cuda`` from here on.

    Raises:
        ManifptError: ``cuda`` was asked for and there is none.
    """
    if name == "cuda":
        import torch  # noqa: PLC0415  (torch loads only where a network runs)

        if not torch.cuda.is_available():
            raise ManifptError("no CUDA device was found", expected="a CUDA GPU", remedy="use --device cpu")
    _chosen.set(name)


def device() -> str:
    """Return ``cpu`` or ``cuda``: what was chosen, or the GPU where there is one."""
    if _chosen.get() != "auto":
        return _chosen.get()
    import torch  # noqa: PLC0415

    return "cuda" if torch.cuda.is_available() else "cpu"
