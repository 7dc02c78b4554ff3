"""Names of embeddings, manifolds, extractors and attributors, and where each is defined.

One literal table per kind, resolved on first use so that importing manifpt stays cheap. Third parties add rows through
entry points of the group ``manifpt.<kind>``. A row whose name ends in ``:`` takes the rest of the name as its argument
(``hf:facebook/dinov2-base@6``).
"""

from __future__ import annotations

import difflib
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Literal

from manifpt.errors import UnknownNameError

Kind = Literal["embeddings", "manifolds", "extractors", "attributors"]

TABLES: dict[Kind, dict[str, str]] = {
    "embeddings": {
        "rgb": "manifpt.embeddings.pixels:RGB",
        "freq": "manifpt.embeddings.spectrum:Frequency",
        "freq-grey": "manifpt.embeddings.spectrum:GreyFrequency",
        "rgb+freq": "manifpt.embeddings.spectrum:PixelsAndFrequency",
        "sl": "manifpt.embeddings.network:Supervised",
        "ssl": "manifpt.embeddings.network:SelfSupervised",
        "sl-cifar": "manifpt.embeddings.small:SupervisedCIFAR",
        "ssl-cifar": "manifpt.embeddings.small:SelfSupervisedCIFAR",
        "hf:": "manifpt.embeddings.network:HuggingFace",
    },
    "manifolds": {
        "nearest": "manifpt.manifolds.nearest:Nearest",
        "approximate": "manifpt.manifolds.approximate:Approximate",
        "tangent": "manifpt.manifolds.tangent:Tangent",
        "barycentre": "manifpt.manifolds.barycentre:Barycentre",
        "denoiser": "manifpt.manifolds.denoiser:Denoiser",
        "restorer": "manifpt.manifolds.restorer:Restorer",
        "autoencoder": "manifpt.manifolds.autoencoder:Autoencoder",
    },
    "extractors": {
        "artifacts": "manifpt.extractors.artifacts:Artifacts",
        "released": "manifpt.extractors.released:Released",
        "points": "manifpt.extractors.points:EmbeddedPoints",
        "mccloskey18": "manifpt.extractors.mccloskey18:McCloskey18",
        "nataraj19": "manifpt.extractors.nataraj19:Nataraj19",
        "durall20": "manifpt.extractors.durall20:Durall20",
        "dzanic20": "manifpt.extractors.dzanic20:Dzanic20",
        "giudice21": "manifpt.extractors.giudice21:Giudice21",
        "frank20": "manifpt.extractors.frank20:Frank20",
        "ricker22": "manifpt.extractors.ricker22:Ricker22",
        "corvi23": "manifpt.extractors.corvi23:Corvi23",
        "residuals": "manifpt.extractors.residuals:Residuals",
        "npr": "manifpt.extractors.npr:NPR",
        "patch-statistics": "manifpt.extractors.patch_statistics:PatchStatistics",
        "scores": "manifpt.extractors.scores:Scores",
        "joined": "manifpt.extractors.joined:Joined",
    },
    "attributors": {
        "linear": "manifpt.attributors.linear:Linear",
        "linear-svm": "manifpt.attributors.linear_svm:LinearSVM",
        "lda": "manifpt.attributors.lda:LDA",
        "svm": "manifpt.attributors.svm:SVM",
        "knn": "manifpt.attributors.knn:NearestNeighbours",
        "fingerprints": "manifpt.attributors.fingerprints:Fingerprints",
        "mlp": "manifpt.attributors.network:MLP",
        "resnet50": "manifpt.attributors.network:ResNet50",
        "resnet-small": "manifpt.attributors.network:SmallResNet",
        "yu19": "manifpt.attributors.yu19:Yu19",
        "nataraj-cnn": "manifpt.attributors.nataraj_cnn:NatarajCNN",
        "xception": "manifpt.attributors.xception:Xception",
        "wang20": "manifpt.attributors.wang20:Wang20",
        "dna-det": "manifpt.attributors.dna_det:DNADet",
        "late": "manifpt.attributors.late:Late",
    },
}


def names(kind: Kind) -> tuple[str, ...]:
    """Return the names of one kind, the built-in rows first.

    Example:
        >>> names("manifolds")
        ('nearest', 'approximate', 'tangent', 'barycentre', 'denoiser', 'restorer', 'autoencoder')
    """
    return tuple(dict.fromkeys([*TABLES[kind], *(point.name for point in entry_points(group=f"manifpt.{kind}"))]))


def built(kind: Kind, name: str, **settings: Any) -> Any:
    """Return a new instance of the class registered as ``name``.

    Args:
        kind: Which table to look in.
        name: A row of the table, or ``prefix:argument`` where the row's name ends in ``:``.
        settings: Constructor arguments.

    Raises:
        UnknownNameError: No row has this name; the nearest names are suggested.
    """
    row, argument = _row(kind, name)
    target = TABLES[kind].get(row)
    if target is None:
        found = next(point.load() for point in entry_points(group=f"manifpt.{kind}") if point.name == row)
    else:
        module, _, attribute = target.partition(":")
        found = getattr(import_module(module), attribute)
    return found(**settings) if argument is None else found(argument, **settings)


def _row(kind: Kind, name: str) -> tuple[str, str | None]:
    known = names(kind)
    if name in known and not name.endswith(":"):
        return name, None
    prefix, colon, argument = name.partition(":")
    if colon and argument and f"{prefix}:" in known:
        return f"{prefix}:", argument
    if f"{prefix}:" in known:
        raise UnknownNameError(
            f"{name!r} ends where a name should follow",
            expected=f"{prefix}:NAME",
            remedy=f"write the name after {prefix}:, without a space",
        )
    raise UnknownNameError(
        f"{name!r} is not one of the {kind}",
        expected=f"one of {', '.join(f'{row}NAME' if row.endswith(':') else row for row in known)}",
        remedy=suggestion(name, known),
    )


def suggestion(name: str, known: tuple[str, ...]) -> str:
    """Return which of some names an unknown one may stand for, up to three, as a question.

    Example:
        >>> suggestion("Nearest", ("nearest", "tangent"))
        'did you mean nearest?'
    """
    rows = [row for row in known if not row.endswith(":")]
    same = [row for row in rows if _folded(row) == _folded(name)]
    near = same or difflib.get_close_matches(_folded(name), rows, n=3, cutoff=0.4) or rows[:3]
    return f"did you mean {' or '.join(near)}?"


def _folded(name: str) -> str:
    return name.strip().lower().replace("_", "-")
