"""The table of results: a row for each answered image, kept as one Parquet file for each fitted attributor.

All that a study prints and draws is made from these rows, so that a study that was killed goes on with what is missing,
and a table or a figure is made again without computing anything.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import DataError, plain
from manifpt.writing import replaced_file

SCHEMA = 1
HEADER = b"manifpt"
LEVEL = 19
CODED = ["group", "truth", "answer"]
KEY = ("data", "method", "repeat", "fold")
FIELDS = {*KEY, "inputs", "classes", "notes"}
LONGEST = 255  # bytes that a file system lets a folder's name have


@dataclass(frozen=True, slots=True)
class Key:
    """Which fitted attributor answered.

    Args:
        data: Name of the data set.
        method: Name of the method.
        repeat: Which repetition of the folds.
        fold: Which fold of it was tested.

    Raises:
        DataError: A name cannot be that of a folder.
    """

    data: str
    method: str
    repeat: int
    fold: int

    def __post_init__(self) -> None:
        for kind, name in (("data set", self.data), ("method", self.method)):
            if not _names_a_folder(name):
                raise DataError(
                    f"{name!r} cannot be the name of a {kind}",
                    expected="one line of up to 255 bytes without a slash, other than . and ..",
                    remedy="choose another name",
                )

    @property
    def path(self) -> Path:
        """Where its rows are, below the folder of the table."""
        return Path(self.data, self.method, f"{self.repeat}-{self.fold}.parquet")


@dataclass(frozen=True, slots=True)
class Run:
    """What one fitted attributor answered.

    Args:
        key: Which one.
        inputs: Digest of all that decides the answers: images, roles, folds, settings, seed.
        classes: Sorted generators.
        paths: Of the tested images, below the folder that all images of the set lie in, (n,).
        groups: What is drawn together in the bootstrap, (n,).
        truth: Class indices, (n,).
        answers: Class indices, (n,).
        of_truth: Probability of the true generator, (n,).
        of_answer: Probability of the answer, (n,).
        of_real: Probability of ``real``, (n,); NaN without a real class.
        notes: What was measured about the whole run: seconds, trials, FDR, versions.
        places: Where each image lies on the map of penultimate features (t-SNE), (n, 2), where it was drawn.
        probabilities: (n, classes), where a fusion needs them.
    """

    key: Key
    inputs: str
    classes: tuple[str, ...]
    paths: NDArray[np.str_]
    groups: NDArray[np.int64]
    truth: NDArray[np.int64]
    answers: NDArray[np.int64]
    of_truth: NDArray[np.float64]
    of_answer: NDArray[np.float64]
    of_real: NDArray[np.float64]
    notes: dict[str, Any] = field(default_factory=dict)
    places: NDArray[np.float64] | None = None
    probabilities: NDArray[np.float64] | None = None


class Rows:
    """The table, as a folder of Parquet files ``data/method/repeat-fold.parquet``.

    Several processes may add to it: each file is written beside its place and renamed.

    Args:
        folder: Where it is; made when the first run is added.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def holds(self, key: Key, inputs: str, *, whole: bool = False) -> bool:
        """Return whether a run of these inputs is there.

        Args:
            key: Which.
            inputs: Digest of all that decides its answers.
            whole: Whether it must hold the probabilities of all classes.
        """
        path = self.folder / key.path
        if not path.exists():
            return False
        header, columns = _header(path)
        return bool(header["inputs"] == inputs) and (not whole or "p" in columns)

    def add(self, run: Run) -> None:
        """Write a run; one of the same key is replaced."""
        import pyarrow as pa  # noqa: PLC0415  (loads only where a table is read or written)
        from pyarrow import parquet  # noqa: PLC0415

        columns: dict[str, Any] = {
            "path": pa.array([str(path) for path in run.paths]),
            "group": pa.array(run.groups.astype(np.int32)),
            "truth": pa.array(run.truth.astype(np.int16)),
            "answer": pa.array(run.answers.astype(np.int16)),
            "p_truth": pa.array(run.of_truth.astype(np.float32)),
            # Three digits are more than 1,000 images can tell.
            "p_answer": pa.array(run.of_answer.astype(np.float16)),
            "p_real": pa.array(run.of_real.astype(np.float16)),
        }
        if run.places is not None:
            columns |= {name: pa.array(run.places[:, axis].astype(np.float16)) for axis, name in enumerate("xy")}
        if run.probabilities is not None:
            rows = list(run.probabilities.astype(np.float16))
            columns["p"] = pa.array(rows, pa.list_(pa.float16()))
        header = {"schema": SCHEMA, **asdict(run.key), "inputs": run.inputs, "classes": run.classes, "notes": run.notes}
        table = pa.table(columns).replace_schema_metadata({HEADER: json.dumps(header, allow_nan=False)})
        path = self.folder / run.key.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced_file(path) as beside:
            parquet.write_table(
                table.sort_by("path"), beside, compression="zstd", compression_level=LEVEL, use_dictionary=CODED,
                column_encoding={"path": "DELTA_BYTE_ARRAY"}, write_statistics=False,
            )  # fmt: skip

    def read(self, key: Key) -> Run:
        """Return one run.

        Raises:
            DataError: It is not there, or the file is no run.
        """
        return _read(self.folder / key.path)

    def runs(self, *, data: str | None = None, method: str | None = None) -> Iterator[Run]:
        """Yield all runs, or those of one data set or method, in order of data set, method, repetition and fold.

        Raises:
            DataError: A file is no run.
        """
        for path in self._paths(data, method):
            yield _read(path)

    def drop(self, data: str, method: str, *, but: Callable[[Key], str]) -> None:
        """Remove the runs of a method on a data set whose inputs are not those of ``but``.

        Raises:
            DataError: A file is no run.
        """
        for path in self._paths(data, method):
            header, _ = _header(path)
            if header["inputs"] != but(_key(header)):
                path.unlink(missing_ok=True)

    def _paths(self, data: str | None, method: str | None) -> list[Path]:
        # Names may hold what a pattern gives a meaning to.
        below = glob.escape(data) if data else "*", glob.escape(method) if method else "*"
        return sorted(self.folder.glob("/".join((*below, "*.parquet"))), key=_order)


def _order(path: Path) -> tuple[str, str, list[int]]:
    return path.parent.parent.name, path.parent.name, [int(part) for part in path.stem.split("-") if part.isdecimal()]


def _names_a_folder(name: str) -> bool:
    """Return whether a name stays on one line and below the folder that it is looked for in."""
    return name not in ("", ".", "..") and "/" not in name and plain(name) == name and len(name.encode()) <= LONGEST


def _header(path: Path) -> tuple[dict[str, Any], list[str]]:
    import pyarrow as pa  # noqa: PLC0415  (loads only where a table is read or written)
    from pyarrow import parquet  # noqa: PLC0415

    try:
        schema = parquet.read_schema(path)
        return _described(schema.metadata), schema.names
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise _broken(path) from error


def _read(path: Path) -> Run:
    import pyarrow as pa  # noqa: PLC0415  (loads only where a table is read or written)
    from pyarrow import parquet  # noqa: PLC0415

    try:
        # Read once: another process may replace the file between two readings.
        table = parquet.read_table(path)
        return _run(_described(table.schema.metadata), table)
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise _broken(path) from error


def _described(metadata: dict[bytes, bytes] | None) -> dict[str, Any]:
    header = json.loads((metadata or {})[HEADER])
    if not isinstance(header, dict) or header.get("schema") != SCHEMA or FIELDS - header.keys():
        raise ValueError("another schema")
    return header


def _key(header: dict[str, Any]) -> Key:
    return Key(*(header[name] for name in KEY))


def _run(header: dict[str, Any], table: Any) -> Run:
    def column(name: str, kind: Any) -> NDArray[Any]:
        return np.asarray(table[name].to_numpy(), kind)

    names = set(table.column_names)
    return Run(
        key=_key(header),
        inputs=header["inputs"],
        classes=tuple(header["classes"]),
        paths=column("path", np.str_),
        groups=column("group", np.int64),
        truth=column("truth", np.int64),
        answers=column("answer", np.int64),
        of_truth=column("p_truth", np.float64),
        of_answer=column("p_answer", np.float64),
        of_real=column("p_real", np.float64),
        notes=header["notes"],
        places=np.stack([column("x", np.float64), column("y", np.float64)], axis=1) if "x" in names else None,
        probabilities=np.stack(table["p"].to_numpy()).astype(np.float64) if "p" in names else None,
    )


def _broken(path: Path) -> DataError:
    return DataError(
        f"{path} holds no results of a study",
        expected="a file that `manifpt evaluate --methods` or `manifpt transfer` wrote",
        remedy="remove it, and what is missing is computed again",
    )
