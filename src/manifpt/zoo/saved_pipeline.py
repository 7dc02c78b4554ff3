"""A diffusers pipeline in a folder or on the hub: what it consists of, and how it is opened without running its code.

Weights come from safetensors alone, every one from a file; pickles and foreign code are refused, never opened.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from manifpt.errors import ManifptError, WeightsError
from manifpt.zoo.diffusers_library import diffusers, quiet
from manifpt.zoo.returned import failure

INDEX = "model_index.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".pkl")
# What decides a pipeline's images: weights, settings, vocabularies.
DECISIVE = (".safetensors", ".json", ".txt", ".model")
REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*")
COMMIT = re.compile(r"[0-9a-f]{40}")
LIBRARIES = ("diffusers", "transformers")


@dataclass(frozen=True, slots=True)
class SavedPipeline:
    """A pipeline that may be opened.

    Args:
        folder: Where it lies.
        kind: Its class.
        components: Library and class of each of its parts, by name.
        digest: The commit of its repository, or the SHA-256 of its files.
    """

    folder: Path
    kind: type[Any]
    components: dict[str, tuple[str, str]]
    digest: str


def saved(place: str) -> SavedPipeline:
    """Return what a pipeline consists of, before any weight is read.

    Args:
        place: Its folder, or its repository on the hub (``owner/name``), which is fetched.

    Raises:
        ManifptError: diffusers is not installed.
        WeightsError: It is not there, is no pipeline, holds pickles instead of safetensors, or needs foreign code.
    """
    library = diffusers()
    local = Path(place).expanduser()
    folder = local if local.is_dir() else _fetched(library, place)
    index = _index(folder, place)
    components = {name: (str(value[0]), str(value[1])) for name, value in index.items() if _is_component(name, value)}
    for name, (home, _) in components.items():
        _refuse_unsafe(library, place, _folder_of(folder, name), name, home)
    commit = folder.name if folder != local and COMMIT.fullmatch(folder.name) else ""
    return SavedPipeline(folder, _kind(library, index, place), components, commit or _digest(folder, components))


def opened(found: SavedPipeline) -> Any:
    """Return the pipeline itself, in single precision and without progress bars.

    Raises:
        WeightsError: diffusers cannot open it, or some of its weights are in no file.
    """
    import torch  # noqa: PLC0415  (loads only where a network is made)

    library = diffusers()
    # Layers are filled at random before their weights are read.
    with quiet(), torch.random.fork_rng(devices=[]):
        try:
            networks = {name: _network(library, found, name) for name in found.components}
            pipeline = library.DiffusionPipeline.from_pretrained(
                str(found.folder),
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                **{name: network for name, network in networks.items() if network is not None},
            )
        except (MemoryError, ManifptError):
            raise
        except Exception as error:  # diffusers raises whatever a damaged file leads it into.
            raise _unfit(f"diffusers cannot open {found.folder} ({failure(error)})") from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _fetched(library: Any, place: str) -> Path:
    if not REPOSITORY.fullmatch(place):
        raise _unfit(f"there is no folder {place}")
    try:
        with quiet():
            return Path(library.DiffusionPipeline.download(place, use_safetensors=True, trust_remote_code=False))
    except Exception as error:  # The hub's client raises errors of several libraries.
        raise WeightsError(
            f"{place} is no folder, and neither the Hugging Face cache nor the hub gives it ({failure(error)})",
            expected=f"a folder with {INDEX}, or a repository (owner/name) of a pipeline in safetensors",
            remedy="check the name and the network, or give the folder of a copy",
        ) from error


def _index(folder: Path, place: str) -> dict[str, Any]:
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _unfit(f"{place} has no {INDEX}") from error
    except (OSError, ValueError) as error:
        raise _unfit(f"{INDEX} of {place} cannot be read ({failure(error)})") from error
    if not isinstance(index, dict):
        raise _unfit(f"{INDEX} of {place} names no pipeline")
    return index


def _is_component(name: str, value: object) -> bool:
    # A part that a pipeline goes without has nulls in place of library and class.
    return not name.startswith("_") and isinstance(value, list) and len(value) > 1 and value[0] is not None


def _kind(library: Any, index: dict[str, Any], place: str) -> type[Any]:
    name = index.get("_class_name")
    if isinstance(name, list):
        raise _foreign(f"{place} is a pipeline of its own code ({'.'.join(map(str, name))})")
    try:
        with quiet():
            kind = getattr(library, str(name), None)
    except RuntimeError as error:
        raise _unfit(f"{place} is a {name}, which diffusers cannot import ({failure(error)})") from error
    if not (isinstance(kind, type) and issubclass(kind, library.DiffusionPipeline)):
        raise WeightsError(
            f"{place} is a {name}, which diffusers {library.__version__} does not know",
            expected="one of its pipelines",
            remedy="install the version of diffusers that the pipeline's publisher names",
        )
    if getattr(kind, "_load_connected_pipes", False):
        raise _unfit(f"{place} is a {name}, which is put together from several repositories")
    return kind


def _refuse_unsafe(library: Any, place: str, folder: Path, name: str, home: str) -> None:
    if not name.isidentifier():
        raise _unfit(f"{place} has a part {name!r}, which is no name")
    if home not in LIBRARIES and _pipeline_module(library, home) is None:
        raise _foreign(f"{name} of {place} comes from {home}")
    if name == folder.name and any(folder.glob("*.py")):
        raise _foreign(f"{name} of {place} brings its own code")
    for path in folder.glob("*config.json"):
        if '"auto_map"' in path.read_text(encoding="utf-8", errors="replace"):
            raise _foreign(f"{name} of {place} brings its own code ({path.name} has an auto_map)")
    held = sorted(path.name for path in folder.glob("*") if path.suffix in PICKLES)
    if held and not any(folder.glob("*.safetensors")):
        raise WeightsError(
            f"{name} of {place} holds only {', '.join(held)}",
            expected="safetensors (pickled weights can run code, so manifpt never opens them)",
            remedy="save the pipeline with save_pretrained, which writes safetensors",
        )


def _pipeline_module(library: Any, name: str) -> ModuleType | None:
    """Return the part of diffusers that defines some pipelines and components of theirs."""
    module = getattr(library.pipelines, name, None) if name.isidentifier() else None
    own = isinstance(module, ModuleType) and module.__name__.startswith("diffusers.pipelines.")
    return module if own else None


def _network(library: Any, found: SavedPipeline, name: str) -> Any:
    """Return a part that is a network, all of whose weights are in its files; None for any other part."""
    import torch  # noqa: PLC0415

    home, kind = found.components[name]
    module = importlib.import_module(home) if home in LIBRARIES else _pipeline_module(library, home)
    network: Any = getattr(module, kind, None)
    if not _is_network(network):
        return None
    precision = {"torch_dtype" if issubclass(network, library.ModelMixin) else "dtype": torch.float32}
    made, report = network.from_pretrained(
        str(_folder_of(found.folder, name)),
        use_safetensors=True,
        local_files_only=True,
        output_loading_info=True,
        **precision,
    )
    if absent := sorted(report["missing_keys"]):
        raise _unfit(f"{name} of {found.folder} lacks {len(absent)} weights of {kind} ({absent[0]}, …)")
    return made


def _is_network(kind: object) -> bool:
    import torch  # noqa: PLC0415

    return isinstance(kind, type) and issubclass(kind, torch.nn.Module)


def _folder_of(folder: Path, name: str) -> Path:
    """Return where a part lies: in its folder, or, in old pipelines of one network, beside the index."""
    return folder / name if (folder / name).is_dir() else folder


def _digest(folder: Path, components: dict[str, tuple[str, str]]) -> str:
    """Return the SHA-256 of the names and contents of the files that decide a pipeline's images."""
    places = {_folder_of(folder, name) for name in components}
    files = {path for place in places for path in place.glob("*") if path.suffix in DECISIVE and path.is_file()}
    whole = hashlib.sha256()
    for path in sorted(files | {folder / INDEX}):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return whole.hexdigest()


def _unfit(happened: str) -> WeightsError:
    return WeightsError(
        happened,
        expected=f"a pipeline as save_pretrained writes it: {INDEX} and a folder of safetensors for each network",
        remedy="check the path, or save the pipeline again with save_pretrained",
    )


def _foreign(happened: str) -> WeightsError:
    return WeightsError(
        happened,
        expected="pipelines and components of diffusers and transformers (others' code is never run)",
        remedy="load it yourself in a function, and give that as python:module:function",
    )
