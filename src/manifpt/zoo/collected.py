"""One of the paper's data sets, made of the images that the user has collected in the authors' release layout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path

from manifpt.errors import DataError
from manifpt.extractors.artifacts import digest
from manifpt.images import ImageSet, Preparation
from manifpt.images.folders import FAMILIES
from manifpt.images.layouts import LOOSE, detected, laid_out
from manifpt.images.opening import opened
from manifpt.images.record import REAL, ImageRecord, is_real
from manifpt.images.roles import refuse_leaks
from manifpt.registry import suggestion
from manifpt.zoo import sets
from manifpt.zoo.folder import drawn
from manifpt.zoo.output import Sample, samples
from manifpt.zoo.published import PAGE, PaperSet, Published, folded
from manifpt.zoo.sets import TEST, TRAIN
from manifpt.zoo.source import Source

# Of each generator, at most; of fewer images two of three train.
TRAINING, TESTING = 1000, 500
FEWEST = 3
TABLE = ".parquet"


@dataclass(frozen=True, slots=True)
class Collection:
    """The images of a paper set's generators.

    Args:
        sources: A generator each, in the paper's order; each gives its images in the order of their listing.
        counts: How many images each source gives.
        records: What is known of each image.
        missing: Models of the set of which there are no images.
        notes: What the user should know about how the folder was understood.
    """

    sources: tuple[Source, ...]
    counts: tuple[int, ...]
    records: tuple[ImageRecord, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]

    def samples(self) -> Iterator[Sample]:
        """Yield the images with their rows: 1,000 of each generator train, or two thirds of fewer; the rest test."""
        for source, count in zip(self.sources, self.counts, strict=True):
            training = min(TRAINING, count * 2 // 3)
            for place, sample in enumerate(samples(source, count)):
                yield Sample(sample.pixels, sample.row | {"role": TRAIN if place < training else TEST})


def collected(
    chosen: PaperSet,
    folder: Path,
    *,
    partial: bool = False,
    resize: int | None = None,
    crop: int | None = None,
) -> Collection:
    """Return the images below a folder that has a sub-folder, or a Parquet file, ``family-model`` for each model.

    Case, hyphens and Greek letters of a name do not matter. At most 1,500 images of a model are read; images in
    sub-folders (classes, runs) are taken in turn, the first of each, the second of each, …

    Args:
        chosen: The set.
        folder: Where the images are.
        partial: Whether models may be missing.
        resize: Scale the shorter side to this and cut out the middle square.
        crop: Cut out the middle square of this size.

    Raises:
        DataError: The folder or a model is not there, a sub-folder stands for no model, one holds too few images or
            reals, or images have another size than the set's.
        ImageError: Images of a model differ in size.
        LeakError: Two models have the same pixels.
    """
    places, notes = _places(chosen, folder)
    missing = tuple(one.model for one in chosen.models if one.model not in places)
    if missing and (not partial or not places):
        raise _lacking(chosen, folder, missing)
    found = {
        one: _images(chosen, one, places[one.model], Preparation(resize, crop)) for one in _present(chosen, places)
    }
    records = tuple(record for images in found.values() for record in images.records)
    refuse_leaks(list(records))
    for one, images in found.items():
        notes += [f"{one.model}: {note}" for note in images.notes]
    return Collection(
        tuple(_source(one, images, places[one.model]) for one, images in found.items()),
        tuple(len(images) for images in found.values()),
        records,
        missing,
        tuple(notes),
    )


def refuse_size(chosen: PaperSet, who: str, images: ImageSet) -> None:
    """Refuse images that have another size than the set's.

    Raises:
        DataError: They have.
    """
    side = chosen.size
    if (images.height, images.width) == (side, side):
        return
    crop = f"--crop {side} (keeps the trace) or " if min(images.height, images.width) > side else ""
    raise DataError(
        f"{who}: images of {images.width} × {images.height} pixels ({images.paths[0]}, …)",
        expected=f"{side} × {side}, as all of {chosen.name}",
        remedy=f"give {crop}--resize {side} (changes {'it' if crop else 'the trace'})",
    )


def _places(chosen: PaperSet, folder: Path) -> tuple[dict[str, Path], list[str]]:
    """Return where each model's images are, and what was left out."""
    if not folder.is_dir():
        raise DataError(
            f"{folder} is no folder",
            expected=f"a folder with a sub-folder for each model ({chosen.models[0].folder}, …)",
            remedy="check the path",
        )
    found: dict[str, Path] = {}
    notes = []
    for place in sorted(folder.iterdir()):
        if place.name.startswith(".") or not (place.is_dir() or place.suffix.lower() == TABLE):
            continue
        name = place.name if place.is_dir() else place.stem
        if name.partition("-")[0].lower() == REAL or is_real(name):
            notes.append(f"{place} is left out: reals are what --reference and --real name")
            continue
        model = _model(chosen, place, name).model
        if model in found:
            raise DataError(
                f"{found[model]} and {place} are both {model}", expected="one of them", remedy="remove the other"
            )
        found[model] = place
    return found, notes


def _model(chosen: PaperSet, place: Path, name: str) -> Published:
    family, _, rest = name.partition("-")
    for one in chosen.models:
        if (family.lower(), folded(rest)) == (one.family, folded(one.model)):
            return one
    known = tuple(one.folder for one in chosen.models)
    raise DataError(
        f"{place} stands for none of the models of {chosen.name}",
        expected=f"names like {known[0]}: the family ({', '.join(FAMILIES[:4])}), a hyphen and the model",
        remedy=suggestion(name, known),
    )


def _present(chosen: PaperSet, places: dict[str, Path]) -> list[Published]:
    return [one for one in chosen.models if one.model in places]


def _lacking(chosen: PaperSet, folder: Path, missing: tuple[str, ...]) -> DataError:
    return DataError(
        f"{folder} lacks {len(missing)} of the {len(chosen.models)} models of {chosen.name}: {', '.join(missing)}",
        expected=f"a sub-folder for each ({chosen.model(missing[0]).folder}, …)",
        remedy=f"{PAGE} and `manifpt zoo recipes {chosen.name}` say where they come from; "
        "or give --partial to do without",
    )


def _images(chosen: PaperSet, one: Published, place: Path, preparation: Preparation) -> ImageSet:
    """Return a model's images, as many as are used, each content once."""
    records = _in_turn(_records(one, place))[: TRAINING + TESTING]
    found = opened(records, preparation, strict=False)
    firsts = {record.digest: record for record in reversed(found.records)}
    kept = tuple(record for record in found.records if firsts[record.digest] is record)
    notes = list(found.notes)
    if found.skipped:
        notes.append(f"{len(found.skipped)} unreadable images are left out: {found.skipped[0].path}, …")
    if len(kept) < len(found.records):
        notes.append(f"{len(found.records) - len(kept)} images are left out, whose pixels others have")
    images = ImageSet(kept, found.height, found.width, preparation=preparation, notes=tuple(notes))
    refuse_size(chosen, one.model, images)
    if len(images) < FEWEST:
        raise DataError(
            f"{place} holds {len(images)} images of different content",
            expected=f"at least {FEWEST}, better {TRAINING + TESTING:,}",
            remedy=f"sample more of {one.model}",
        )
    return images


def _records(one: Published, place: Path) -> list[ImageRecord]:
    layout = detected(place)
    # What sub-folders are called says nothing here: classes, runs, seeds.
    _, records = laid_out(place, "files" if layout in LOOSE else layout)
    if any(record.generator == REAL for record in records):
        raise DataError(
            f"{place} holds images labelled real", expected=f"images of {one.model} alone", remedy="take them out"
        )
    return [ImageRecord(record.path, record.source, one.name, one.family) for record in records]


def _in_turn(records: list[ImageRecord]) -> list[ImageRecord]:
    """Return records with those of several sub-folders in turn; of one folder, in the order of the listing.

    Roles go by place, so that classes that follow each other would train without some and test on those.
    """
    groups: dict[Path, list[ImageRecord]] = {}
    for record in records:
        groups.setdefault(Path(record.path).parent, []).append(record)
    return [record for record in chain.from_iterable(zip_longest(*groups.values())) if record]


def _source(one: Published, images: ImageSet, place: Path) -> Source:
    return Source(one.name, one.family, digest(images), partial(drawn, images, str(place)))


def arranged(chosen: PaperSet, images: Collection, *, reference: ImageSet, real: ImageSet) -> Iterator[Sample]:
    """Yield the images of a paper set with their rows: the reference, held-out reals, and each generator's.

    Args:
        chosen: The set.
        images: Its generators' images.
        reference: The reals that estimate the manifold.
        real: Held-out reals: the class ``real``; their content decides which of them test.

    Raises:
        DataError: The reals have another size than the set's, or a held-out one is a reference.
        LeakError: A generator's image has the pixels of a real.
    """
    refuse_size(chosen, "the reference", reference)
    refuse_size(chosen, "the reals", real)
    sets.refuse_shared(reference, real)
    refuse_leaks([*reference.records, *real.records, *images.records])
    yield from sets.reals(reference, role=sets.REFERENCE)
    yield from sets.reals(real)
    yield from images.samples()
