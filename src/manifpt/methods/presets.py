"""The methods that have a name: what each is made of, and the settings that a study may choose between.

One literal table; third parties add rows through entry points of the group ``manifpt.methods``, each a ``Preset``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

from manifpt.cache import Cache
from manifpt.errors import UnknownNameError
from manifpt.extractors.extractor import Extractor
from manifpt.registry import built, suggestion

Settings = Mapping[str, Any]
CACHED = ("artifacts", "points", "released", "scores")


@dataclass(frozen=True, slots=True)
class Preset:
    """An extractor and an attributor by name, with their settings, or a fusion of other presets.

    Args:
        extractor: A row of the registry of extractors.
        attributor: A row of the registry of attributors.
        given: Settings of the extractor that differ from its defaults.
        settings: Settings of the attributor that differ from its defaults.
        trials: What a study may choose between, each to be laid over ``settings``; the first is the method's own.
        brief: Laid over ``settings`` while the trials are compared, where whole trainings would cost too much.
        fusion: Names of presets whose mean log-probability this one answers with; the rest is then unused.
        about: What it is, in a few words, and its source.

    Example:
        >>> preset("durall20").attributor
        'svm'
    """

    extractor: str = ""
    attributor: str = ""
    given: Settings = field(default_factory=dict)
    settings: Settings = field(default_factory=dict)
    trials: tuple[Settings, ...] = ()
    brief: Settings = field(default_factory=dict)
    fusion: tuple[str, ...] = ()
    about: str = field(default="", compare=False)

    def extracting(self, *, cache: Cache | None = None) -> Extractor:
        """Return its extractor, unfitted.

        Args:
            cache: Where projections and costly points are kept; None for nowhere.

        Raises:
            UnknownNameError: A name is in no table.
            WeightsError: The weights of a network are absent.
        """
        kept = {"cache": cache} if self.extractor in CACHED else {}
        extractor: Extractor = built("extractors", self.extractor, **self.given, **kept)
        return extractor


# Every method gets three trials: its own setting first, then two that its users would try next. Only a mean
# (`fingerprints`) has nothing to choose.
PENALTIES: tuple[Settings, ...] = ({"strengths": (1e-2,)}, {"strengths": (1e-3,)}, {"strengths": (1e-1,)})
MARGINS: tuple[Settings, ...] = ({"strengths": (1e-1,)}, {"strengths": (1e-2,)}, {"strengths": (1.0,)})
MACHINES: tuple[Settings, ...] = (
    {"strengths": (10.0,), "gammas": (0.3,)},
    {"strengths": (10.0,), "gammas": (3.0,)},
    {"strengths": (100.0,), "gammas": (0.3,)},
)
NEIGHBOURS: tuple[Settings, ...] = ({"neighbors": 5}, {"neighbors": 15}, {"neighbors": 45})


def _rates(own: float) -> tuple[Settings, ...]:
    return tuple({"learning_rate": rate} for rate in (own, own / 3, own * 3))


# A tenth of a training shows which learning rate diverges or crawls, which is what goes wrong with few images.
BRIEF: Settings = {"epochs": 2, "least_steps": 60}
# Networks of 9 to 23 million weights learn from few images within these epochs, and cost ten times `resnet-small`'s.
SHORT: dict[str, Any] = {
    "settings": {"epochs": 6, "least_steps": 300, "flips": True}, "brief": {"epochs": 1, "least_steps": 30},
}  # fmt: skip
SMALL: dict[str, Any] = {"attributor": "resnet-small", "trials": _rates(5e-3), "brief": BRIEF}
MIRRORED: dict[str, Any] = {**SMALL, "settings": {"flips": True}}
PERCEPTRON: dict[str, Any] = {"attributor": "mlp", "trials": _rates(1e-3), "brief": {"epochs": 3, "least_steps": 60}}
SHRINKAGES: tuple[Settings, ...] = ({"shrinkages": (0.2,)}, {"shrinkages": (0.1,)}, {"shrinkages": (0.4,)})
LINEAR: dict[str, Any] = {"attributor": "linear", "trials": PENALTIES}

PRESETS: Mapping[str, Preset] = MappingProxyType({
    "raw": Preset("points", given={"space": "rgb"}, **MIRRORED, about="raw pixels, the control"),
    "raw-2": Preset("points", given={"space": "rgb"}, attributor="resnet-small", trials=_rates(5e-3), brief=BRIEF,
                    settings={"flips": True, "seed": 1}, about="raw pixels, another seed"),
    "spectrum": Preset("points", given={"space": "freq"}, **SMALL, about="log-spectrum of the image"),
    "image+spectrum": Preset(fusion=("raw", "spectrum"), about="mean log-probability of raw and spectrum"),
    "image+image": Preset(fusion=("raw", "raw-2"), about="mean log-probability of raw and raw-2, the control"),
    "patches": Preset("patch-statistics", "lda", trials=SHRINKAGES,
                      about="statistics of patches along the axes of real ones"),
    "auto": Preset(fusion=("patches", "raw"), about="mean log-probability of patches and raw"),
    "paper-rgb": Preset("artifacts", given={"space": "rgb"}, **MIRRORED, about="ManiFPT RGB (Song et al. 2024)"),
    "paper-freq": Preset("artifacts", given={"space": "freq"}, **SMALL, about="ManiFPT FREQ (Song et al. 2024)"),
    "paper-rgb+freq": Preset("artifacts", given={"space": "rgb+freq"}, **SMALL, about="ManiFPT RGB and FREQ stacked"),
    "paper-sl": Preset("artifacts", given={"space": "sl"}, **PERCEPTRON, about="ManiFPT SL (Song et al. 2024)"),
    "paper-ssl": Preset("artifacts", given={"space": "ssl"}, **PERCEPTRON, about="ManiFPT SSL (Song et al. 2024)"),
    "paper-sl-cifar": Preset("artifacts", given={"space": "sl-cifar"}, **PERCEPTRON,
                             about="ManiFPT SL with a ResNet of CIFAR-10 in the place of ImageNet's"),
    "paper-ssl-cifar": Preset("artifacts", given={"space": "ssl-cifar"}, **PERCEPTRON,
                              about="ManiFPT SSL with a network of CIFAR-10 in the place of ImageNet's"),
    "denoiser": Preset("scores", **MIRRORED, about="scores of a denoiser of the references at three scales"),
    "mccloskey18": Preset("mccloskey18", "linear-svm", trials=MARGINS, about="exposure (McCloskey and Albright 2018)"),
    "nataraj19": Preset("nataraj19", "nataraj-cnn", trials=_rates(1e-4), brief=BRIEF,
                        about="co-occurrences (Nataraj et al. 2019)"),
    "durall20": Preset("durall20", "svm", trials=MACHINES, about="radial spectrum (Durall et al. 2020)"),
    "dzanic20": Preset("dzanic20", "knn", trials=NEIGHBOURS, about="spectral decay (Dzanic et al. 2020)"),
    "wang20": Preset("points", "wang20", given={"space": "rgb"}, trials=_rates(1e-4), **SHORT,
                     about="ResNet-50 on blurred and compressed images (Wang et al. 2020)"),
    "marra18": Preset("points", "xception", given={"space": "rgb"}, trials=_rates(1e-4), **SHORT,
                      about="Xception (Marra et al. 2018)"),
    "yu19": Preset("points", "yu19", given={"space": "rgb"}, trials=_rates(1e-3), **SHORT,
                   about="GAN fingerprint network (Yu et al. 2019)"),
    "dna-det": Preset("points", "dna-det", given={"space": "rgb"}, trials=_rates(5e-3),
                      settings={"flips": True}, brief={**BRIEF, "pretraining_steps": 60},
                      about="pre-trained on transformations (Yang et al. 2022)"),
    "marra19": Preset("residuals", "fingerprints", trials=({},),
                      about="mean noise residual (Marra et al. 2019)"),
    "frank20": Preset("frank20", **LINEAR, about="log DCT (Frank et al. 2020)"),
    "ricker22": Preset("ricker22", **LINEAR, about="log FFT, linear (Ricker et al. 2022)"),
    "corvi23": Preset("corvi23", **LINEAR, about="spectrum and autocorrelation of the residual (Corvi et al. 2023)"),
    "giudice21": Preset("giudice21", "svm", trials=MACHINES, about="scales of DCT coefficients (Giudice et al. 2021)"),
    "npr": Preset("npr", **SMALL, about="differences of neighbouring pixels (Tan et al. 2024)"),
    "univfd": Preset("points", given={"space": "hf:openai/clip-vit-large-patch14"}, **LINEAR,
                     about="frozen CLIP features, linear (Ojha et al. 2023)"),
    "univfd-sl-cifar": Preset("points", given={"space": "sl-cifar"}, **LINEAR,
                              about="frozen features of a ResNet of CIFAR-10, linear"),
    "univfd-ssl-cifar": Preset("points", given={"space": "ssl-cifar"}, **LINEAR,
                               about="frozen self-supervised features of CIFAR-10, linear"),
})  # fmt: skip


FAULTS: Mapping[str, Preset] = MappingProxyType({
    f"{space}-{name}": Preset("released", given={"space": space, **dict.fromkeys(switches, True)}, **made,
                              about=f"ManiFPT {space.upper()}, {about}")
    for space, made in (("rgb", MIRRORED), ("freq", SMALL))
    for name, switches, about in (
        ("reals-in-reference", ("reals_in_reference",), "scored reals among the references"),
        ("neighbors-in-rgb", ("neighbors_in_rgb",), "neighbours searched in RGB"),
        ("clipped", ("clipped",), "artifacts clipped into 8 bits"),
        ("all-faults", ("reals_in_reference", "neighbors_in_rgb", "clipped"), "all three faults"),
    )
    # In RGB the neighbour is searched there anyway.
    if (space, name) != ("rgb", "neighbors-in-rgb")
})  # fmt: skip
"""Methods with the faults of the authors' released code, to measure them; no study takes them unless they are named."""


def presets() -> tuple[str, ...]:
    """Return the names of all methods, the built-in ones first.

    Example:
        >>> presets()[0]
        'raw'
    """
    return tuple(dict.fromkeys([*PRESETS, *(point.name for point in entry_points(group="manifpt.methods"))]))


def preset(name: str) -> Preset:
    """Return the method of this name.

    Raises:
        UnknownNameError: No row has this name; the nearest names are suggested.
    """
    if name in PRESETS or name in FAULTS:
        return {**PRESETS, **FAULTS}[name]
    for point in entry_points(group="manifpt.methods"):
        if point.name == name:
            found: Preset = point.load()
            return found
    raise UnknownNameError(
        f"{name!r} is not one of the methods",
        expected=f"one of {', '.join(presets())}",
        remedy=suggestion(name, presets()),
    )
