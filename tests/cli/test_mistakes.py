"""Every mistake of a user is told in one line, before anything costly, and leaves nothing behind."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from manifpt.extractors.artifacts import Artifacts
from manifpt.images import ImageSet
from manifpt.methods.method import Method

IMAGES = "a folder, manifest, Parquet or .npz of images"
FILES = "PNG, JPEG, WebP, TIFF, … files, a manifest, Parquet or arrays"
REALS = "no real image was given; expected reals that estimate the manifold; give a folder of them with --reference"
CLASSES = "expected images of at least two generators, or of one and `real`; add a folder per generator"
SPACES = "rgb, freq, freq-grey, rgb+freq, sl, ssl, sl-cifar, ssl-cifar, hf:NAME"
ATTRIBUTORS = (
    "linear, linear-svm, lda, svm, knn, fingerprints, mlp, resnet50, resnet-small, "
    "yu19, nataraj-cnn, xception, wang20, dna-det, late"
)
LAYOUTS = "manifest, arrays, datasets, real-fake, release, folders, files"
MODEL = "expected a model folder that `manifpt fit` wrote; check the path, or fit the model again"
SEEN = "expected images that the model has never seen; leave them out, or run `manifpt evaluate DATA`"
IDLE = (
    "expected only DATA and what belongs to it: the model has its own method and references; "
    "leave it out, or leave the model out to evaluate a method on DATA's own splits"
)
NAMED = "expected DATA alone, or a folder that `manifpt fit` wrote and then DATA; give one data set; "
LINEAR = ("--attributor", "linear")


def pictures(folder: Path, count: int, *, seed: int = 0, size: int = 16) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, *folder.name.encode()])
    for index in range(count):
        Image.fromarray(rng.integers(0, 256, (size, size, 3), np.uint8)).save(folder / f"{index}.png")
    return folder


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with something wrong in them."""
    root = tmp_path_factory.mktemp("mistakes")
    for name, counts in {
        "one": {"gan": 6},
        "reals": {"real": 6},
        "fakes": {"gan": 6, "vae": 6},
        "three": {"rows": 3, "real": 3, "columns": 3},
        "others": {"rows": 3, "stranger": 3},
        "large": {"rows": 3, "real": 3},
        "holiday": {"cats": 6},
    }.items():
        for generator, count in counts.items():
            pictures(root / name / generator, count, seed=1, size=24 if name == "large" else 16)
    (root / "empty").mkdir()
    (root / "notes.txt").write_text("years of work")
    mixed = pictures(root / "mixed" / "gan", 4, size=16).parent
    pictures(mixed / "real", 4, size=20)
    broken = shutil.copytree(root / "fakes", root / "broken")
    for path in broken.rglob("*.png"):
        path.write_text("text")
    overlap = shutil.copytree(root / "reals", root / "overlap")
    pictures(overlap / "gan", 6)
    copies = root / "copies"
    copies.mkdir()
    for path in (overlap / "real").iterdir():
        # The same pixels in another file format.
        Image.open(path).save(copies / f"{path.stem}.webp", lossless=True, exact=True)
    return {path.name: path for path in root.iterdir()}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with no network."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("MANIFPT_WEIGHTS", raising=False)
    return folder


def told(ended: Any, here: Path) -> str:
    """Return the one line of an error, after checking how the command ended."""
    assert ended.status == 2
    assert ended.out == ""
    assert "Traceback" not in ended.err
    last = ended.err.splitlines()[-1]
    assert last.startswith("manifpt: error: ")
    assert ended.err.count("manifpt: error: ") == 1
    assert list(here.iterdir()) == []
    return last.removeprefix("manifpt: error: ")


BEFORE_ANY_IMAGE_IS_READ = [
    ("fit {empty}", f"{{empty}} holds no image; expected {FILES}; check the path"),
    ("fit nowhere", f"nowhere does not exist; expected {IMAGES}; check the path"),
    ("fit {data} --reference nowhere", f"nowhere does not exist; expected {IMAGES}; check the path"),
    ("fit {data} --reference {empty}", f"{{empty}} holds no image; expected {FILES}; check the path"),
    ("fit {data} --real {empty}", f"{{empty}} holds no image; expected {FILES}; check the path"),
    (
        "fit {data}/rows",
        "{data}/rows holds images without generators; expected one folder per generator, family-model folders, "
        "0_real/1_fake, a manifest, Parquet or .npz; sort the images into folders named after their generators, "
        "or write a manifest.csv (path, generator)",
    ),
    (
        "fit {model}",
        f"{{model}} is a model, not a set of images; expected {IMAGES}; give the images; "
        "a model goes before them, to `manifpt evaluate` and `manifpt attribute` only",
    ),
    (
        "fit {data} --method patches --paper",
        "--method was given with --paper; expected one of them; leave it out, or leave --paper out",
    ),
    (
        "fit {data} --paper --manifold none",
        "--manifold was given with --paper; expected a space only: the paper has the rest; leave it out, or leave "
        "--paper out",
    ),
    (
        "fit {data} --method patches --space freq --attributor linear",
        "--space and --attributor was given with --method; expected a method's name only: it has its own space, "
        "manifold and attributor; leave it out, or leave --method out",
    ),
    (
        "fit {data} --space frq",
        f"'frq' is not one of the embeddings; expected one of {SPACES}; did you mean freq or rgb+freq or freq-grey?",
    ),
    ("fit {data} --space RGB", f"'RGB' is not one of the embeddings; expected one of {SPACES}; did you mean rgb?"),
    (
        "fit {data} --space hf:",
        "'hf:' ends where a name should follow; expected hf:NAME; write the name after hf:, without a space",
    ),
    (
        "fit {data} --space hf:owner/name@last",
        "'last' is not a layer of owner/name; expected a whole number after @; try hf:owner/name@-1",
    ),
    (
        "fit {data} --attributor resnet_small",
        f"'resnet_small' is not one of the attributors; expected one of {ATTRIBUTORS}; did you mean resnet-small?",
    ),
    (
        "fit {data} --attributor Liner",
        f"'Liner' is not one of the attributors; expected one of {ATTRIBUTORS}; "
        "did you mean linear or linear-svm or fingerprints?",
    ),
    (
        "fit {data} --manifold Nearest",
        "'Nearest' is not one of the manifolds; expected one of nearest, approximate, tangent, barycentre, denoiser, "
        "restorer, autoencoder; "
        "did you mean nearest?",
    ),
    (
        "fit {data} --layout Folders",
        f"'Folders' is not a layout; expected auto or one of {LAYOUTS}; did you mean folders?",
    ),
    (
        "fit {data} --space ssl-cifar --attributor resnet-small",
        "resnet-small takes maps, and ssl-cifar gives vectors; expected linear or mlp, which take vectors; "
        "give --attributor linear",
    ),
    (
        "fit {data} --space sl",
        "sl: microsoft/resnet-50 is no folder, not in the Hugging Face cache, and the hub is out of reach or lacks it; "
        "expected config.json and model.safetensors; run `hf download microsoft/resnet-50 --local-dir sl` "
        "on a networked machine, and copy sl into $MANIFPT_WEIGHTS",
    ),
    (
        "fit {data} --space ssl",
        "ssl: the weights of the Barlow Twins ResNet-50 are absent (MANIFPT_WEIGHTS is not set); "
        "expected resnet50.pth; download https://dl.fbaipublicfiles.com/barlowtwins/ljng/resnet50.pth "
        "into $MANIFPT_WEIGHTS/ssl",
    ),
    (
        "evaluate {data} --space hf:owner/name",
        "hf:owner/name: owner/name is no folder, not in the Hugging Face cache, and the hub is out of reach or "
        "lacks it; expected config.json and model.safetensors; run `hf download owner/name --local-dir FOLDER` "
        "on a networked machine, and name hf:FOLDER",
    ),
    (
        "fit {data} --space hf:./folder",
        "hf:./folder: there is no folder ./folder; expected a model folder with config.json and model.safetensors, "
        "or a repository id (owner/name); run `hf download ./folder --local-dir FOLDER` "
        "on a networked machine, and name hf:FOLDER",
    ),
    (
        "fit {data} --generators row",
        "no generator matches 'row'; expected a name or glob of 3 generators; did you mean rows?",
    ),
    (
        "fit {data} --generators nothing* --generators rows",
        "no generator matches 'nothing*'; expected a name or glob of 3 generators; "
        "did you mean columns or real or rows?",
    ),
    (
        "fit {data} --reference {data}",
        "{data}/columns/000.png of {data} is labelled 'columns'; expected only reals as reference and real class; "
        "give a folder that holds reals only",
    ),
    ("attribute nowhere {data}/rows/000.png", f"nowhere holds no model.json; {MODEL}"),
    ("attribute {data} {data}/rows/000.png", f"{{data}} holds no model.json; {MODEL}"),
    (
        "attribute {data}/rows/000.png {model}",
        "{data}/rows/000.png is no model, but {model} is; expected the model first, then the images; "
        "run `manifpt attribute {model} {data}/rows/000.png`",
    ),
    (
        "attribute {model} {data}/rows/000.png --json --csv",
        "both --json and --csv were given; expected one of them; leave one out",
    ),
    (
        "evaluate {model}",
        "{model} is a model, and no images to test it on were given; expected `manifpt evaluate MODEL DATA`; "
        "give the images after it",
    ),
    (
        "evaluate {data} {model}",
        "{model} is a model, and stands after the data {data}; expected the model first, then the data; "
        "run `manifpt evaluate {model} {data}`",
    ),
    (
        "evaluate {data} {fakes}",
        f"{{data}} is no model; {NAMED}further reals go to --reference and --real",
    ),
    (
        "evaluate {model} {data} {fakes}",
        f"3 paths were given; {NAMED}further reals go to --reference and --real",
    ),
    (
        "evaluate {model} {model}",
        f"{{model}} is a model, not a set of images; expected {IMAGES}; give the images; "
        "a model goes before them, to `manifpt evaluate` and `manifpt attribute` only",
    ),
    ("evaluate {model} {three} --space freq", f"--space was given beside a model; {IDLE}"),
    (
        "evaluate {model} {three} --reference {reals} --folds 3",
        f"--reference and --folds was given beside a model; {IDLE}",
    ),
    (
        "evaluate {data} --out {holiday}",
        "{holiday} holds cats/0.png, which is no part of an evaluation; "
        "expected a new folder, or one that holds an evaluation and nothing else; choose another --out",
    ),
    (
        "evaluate {data} --out {notes.txt}",
        "{notes.txt} exists and is not an evaluation; expected a new folder; choose another --out",
    ),
    (
        "evaluate {data} --out {notes.txt}/below",
        "{notes.txt}/below cannot be written (Not a directory); expected a place for a new folder; "
        "choose another --out",
    ),
    (
        "demo --out {holiday}",
        "{holiday} holds cats/0.png, which is no part of an earlier demo; "
        "expected a new folder, or one that holds an earlier demo and nothing else; choose another --out",
    ),
    (
        "fit {data} --out {holiday}",
        "{holiday} holds cats/0.png, which is no part of a model; "
        "expected a new folder, or one that holds a model and nothing else; choose another --out",
    ),
    (
        "fit {data} --out {notes.txt}",
        "{notes.txt} exists and is not a model; expected a new folder; choose another --out",
    ),
]

AFTER_THE_IMAGES_ARE_READ = [
    ("fit {one}", REALS),
    ("fit {fakes}", REALS),
    ("fit {one} --reference {reals}", f"only 'gan' is there to train on; {CLASSES}"),
    ("fit {reals}", f"only 'real' is there to train on; {CLASSES}"),
    ("evaluate {one} --reference {reals}", f"only 'gan' is there to train on; {CLASSES}"),
    ("evaluate {reals} --folds 2", f"only 'real' is there to train on; {CLASSES}"),
    (
        "fit {overlap} --reference {overlap}/real",
        "{overlap}/real/0.png (real, scored) and {overlap}/real/0.png (reference) have the same pixels (6 such pairs); "
        "expected every image in one role and under one generator; remove one of each pair",
    ),
    (
        "fit {overlap} --reference {copies}",
        "{overlap}/real/0.png (real, scored) and {copies}/0.webp (reference) have the same pixels (6 such pairs); "
        "expected every image in one role and under one generator; remove one of each pair",
    ),
    (
        "fit {mixed}",
        "the images have 2 sizes: 4 of 16 × 16 ({mixed}/gan/0.png) and 4 of 20 × 20 ({mixed}/real/0.png); "
        "expected one size; give --crop 16 (keeps the trace) or --resize 16 (changes it)",
    ),
    (
        "evaluate {data} --folds 90",
        "columns has 30 images; expected at least 90, one for each fold; "
        "add images, use fewer --folds, or leave the generator out",
    ),
    (
        "evaluate {model} {data}",
        "{data}/columns/000.png has the same pixels as one of the model's training images "
        f"(180 of 180 images are known to the model); {SEEN}, which makes its own splits",
    ),
    (
        "evaluate {model} {others}",
        "stranger ({others}/stranger/0.png) is not among the model's classes; expected only columns, real, rows; "
        "leave it out with --generators (generators= in Python), or train with images of it",
    ),
    (
        "evaluate {model} {large}",
        "the images are 24 × 24 pixels; expected 16 × 16, as the model was trained on; "
        "give --crop 16 or --resize 16 (resizing changes the trace)",
    ),
]


def filled(text: str, places: dict[str, Path], here: Path) -> str:
    for name, place in places.items():
        text = text.replace(f"{{{name}}}", str(place))
    return text.replace("{here}", str(here))


def ended(command: Any, words: str, places: dict[str, Path], here: Path) -> Any:
    given = filled(words, places, here).split()
    beside_a_model = given[0] == "evaluate" and len(given) > 2 and given[1] == str(places["model"])
    if given[0] in ("fit", "evaluate"):
        chosen = beside_a_model or "--attributor" in given or "--paper" in given
        given += [] if chosen else LINEAR
        # What is left half-written would lie here.
        given += [] if "--out" in given else ["--out", "result"]
    return command(*given)


@pytest.fixture
def known(places: dict[str, Path], data: Path, model: Path) -> dict[str, Path]:
    return {**places, "data": data, "model": model}


@pytest.mark.parametrize(("words", "text"), BEFORE_ANY_IMAGE_IS_READ)
def test_a_mistake_that_can_be_seen_at_once_is_told_before_any_image_is_read(
    command: Any, known: dict[str, Path], here: Path, monkeypatch: pytest.MonkeyPatch, words: str, text: str
) -> None:
    def read(*_: object, **__: object) -> None:
        raise AssertionError("an image was read")

    monkeypatch.setattr("manifpt.images.imageset.opened", read)
    monkeypatch.setattr("manifpt.zoo.sampled", read)
    stopped = ended(command, words, known, here)
    assert told(stopped, here) == filled(text, known, here)
    assert stopped.err.count("\n") == 1


@pytest.mark.parametrize(("words", "text"), AFTER_THE_IMAGES_ARE_READ)
def test_a_mistake_in_the_images_is_told_before_anything_is_computed(
    command: Any, known: dict[str, Path], here: Path, monkeypatch: pytest.MonkeyPatch, words: str, text: str
) -> None:
    extract = Artifacts.extract

    def extracted(artifacts: Artifacts, images: ImageSet) -> Any:
        # A model that is loaded may try itself on an image.
        assert len(images) <= 1, "artifacts were extracted"
        return extract(artifacts, images)

    monkeypatch.setattr(Artifacts, "extract", extracted)
    monkeypatch.setattr(Method, "measured", lambda *_: pytest.fail("artifacts were measured"))
    assert told(ended(command, words, known, here), here).startswith(filled(text, known, here))


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        ("fit {data} --spcae rgb", ["No such option: --spcae", "--space"]),
        ("fit", ["Missing argument"]),
        ("fitt {data}", ["No such command 'fitt'", "fit"]),
        ("fit {data} --device gpu", ["--device", "'gpu' is not one of 'auto', 'cpu', 'cuda'"]),
        ("fit {data} --resize 0", ["--resize", "greater than or equal to 1"]),
        ("fit {data} --crop wide", ["--crop", "valid integer"]),
        ("attribute {model}", ["Missing argument"]),
    ],
)
def test_words_that_make_no_command_are_told_with_the_nearest_ones(
    command: Any, known: dict[str, Path], here: Path, words: str, texts: list[str]
) -> None:
    stopped = command(*filled(words, known, here).split())
    line = told(stopped, here)
    assert stopped.err.count("\n") == 1
    assert all(text in line for text in texts)
    assert line.endswith("--help` shows; correct the command")


def test_no_cuda_device_is_told_at_once(
    command: Any, known: dict[str, Path], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    stopped = ended(command, "fit {data} --device cuda", known, here)
    assert told(stopped, here) == "no CUDA device was found; expected a CUDA GPU; use --device cpu"


def test_weights_in_a_folder_that_is_not_there_are_told_with_the_folder(
    command: Any, known: dict[str, Path], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MANIFPT_WEIGHTS", "/nowhere")
    stopped = ended(command, "fit {data} --space ssl", known, here)
    assert told(stopped, here).startswith(
        "ssl: the weights of the Barlow Twins ResNet-50 are absent (MANIFPT_WEIGHTS is /nowh"
    )


@pytest.mark.parametrize("words", ["fit {fakes} --reference {reals}", "evaluate {fakes} --reference {reals} --folds 2"])
def test_few_references_are_a_note_that_is_said_once(
    command: Any, known: dict[str, Path], here: Path, words: str
) -> None:
    done = ended(command, words, known, here)
    assert done.status == 0
    assert done.err.count("note: only 6 references: a manifold from fewer than 200 is coarse\n") == 1
    assert "few" not in done.out


def test_one_unreadable_image_among_many_is_skipped_and_said(
    command: Any, known: dict[str, Path], here: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(known["fakes"], tmp_path / "copy")
    (copy / "gan" / "bad.png").write_text("text")
    done = ended(command, f"fit {copy} --reference {{reals}}", known, here)
    assert done.status == 0
    line = f"{copy}/gan/bad.png is not an image (4 bytes); expected PNG, JPEG, WebP, TIFF, BMP, GIF, …; remove it"
    assert done.err.count(f"skipped: {line}") == 1
    shutil.rmtree(here / "result")
    strict = ended(command, f"fit {copy} --reference {{reals}} --strict", known, here)
    assert told(strict, here).startswith(line)


def test_no_readable_image_is_told_with_the_first_reason(command: Any, known: dict[str, Path], here: Path) -> None:
    line = told(ended(command, "fit {broken}", known, here), here)
    assert line.startswith("none of 12 images can be ")
    assert "gan/0.png is not an image (4 bytes)" in line
    stopped = ended(command, "fit {broken} --reference {reals}", known, here)
    assert "skipped in all: 12" in stopped.err
    assert told(stopped, here).startswith(f"no image is there to train on; {CLASSES}")


def test_a_crop_larger_than_the_images_is_told_with_both_sizes(
    command: Any, known: dict[str, Path], here: Path
) -> None:
    line = told(ended(command, "fit {data} --crop 64", known, here), here)
    assert (
        "000.png is 16 × 16 pixels; expected at least 64 × 64 for --crop 64; use a smaller crop, or --resize 64" in line
    )


def test_enlarging_is_done_and_noted(command: Any, known: dict[str, Path], here: Path) -> None:
    done = ended(command, "fit {fakes} --reference {reals} --resize 20", known, here)
    assert done.status == 0
    assert "20 × 20 pixels" in done.err
    note = "is 16 × 16 pixels, which --resize 20 enlarges; what that adds is no trace of a generator\n"
    assert done.err.count(note) == 1
    assert "enlarges" not in ended(command, "fit {fakes} --reference {reals} --resize 8", known, here).err


def test_references_given_to_evaluate_a_model_are_refused(command: Any, known: dict[str, Path], here: Path) -> None:
    reference = next(path for path in Method.load(known["model"]).evidence_.paths_)
    (here.parent / "again" / "real").mkdir(parents=True)
    shutil.copy(reference, here.parent / "again" / "real" / "copy.png")
    pictures(here.parent / "again" / "rows", 2, seed=2)
    line = told(ended(command, f"evaluate {{model}} {here.parent / 'again'}", known, here), here)
    assert line.startswith(
        f"{here.parent}/again/real/copy.png has the same pixels as one of the model's references (1 of"
    )
    assert SEEN in line


@pytest.mark.parametrize(("given", "reason"), [("gan", "no real image"), ("real", "no generated image")])
def test_a_test_set_of_one_class_is_scored_without_what_needs_two(
    command: Any, known: dict[str, Path], here: Path, given: str, reason: str
) -> None:
    assert ended(command, "fit {three} --out model", known, here).status == 0
    pictures(here / "data" / ("rows" if given == "gan" else given), 4, seed=5)
    done = command("evaluate", "model", "data", "--json")
    assert done.status == 0
    scores = json.loads(done.out, parse_constant=pytest.fail)
    assert scores["detection_auc"] is None
    assert scores["detection_reason"] == f"the scored images hold {reason}"
    assert scores["fdr"] is None
    assert scores["fdr_reason"]
    assert [row["recall"] is None for row in scores["per_class"]].count(True) == 2
    assert reason in command("evaluate", "model", "data").out


@pytest.mark.parametrize("name", ["empty", "no*.png", "no.png"])
def test_an_input_that_is_no_image_fails_in_its_place(
    command: Any, known: dict[str, Path], here: Path, name: str
) -> None:
    given = known.get(name, name)
    failed = command("attribute", known["model"], given, known["data"] / "rows" / "000.png", "--json")
    assert failed.status == 3
    first, second = map(json.loads, failed.out.splitlines())
    assert first["path"] == str(given)
    assert first["error"].startswith(f"{given} ")
    assert first["error"].count("; ") == 2
    assert "generator" in second
    table = command("attribute", known["model"], given)
    assert (table.status, table.out) == (3, f"failed {first['error']}\n")
    strict = command("attribute", known["model"], given, "--strict")
    assert told(strict, here) == first["error"]


def test_nothing_on_standard_input_is_told(command: Any, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    failed = command("attribute", model, "-")
    assert failed.status == 3
    assert (
        failed.out
        == "failed - is not an image (0 bytes); expected PNG, JPEG, WebP, TIFF, BMP, GIF, …; remove it from the input\n"
    )


def test_a_second_evaluation_replaces_the_first_and_nothing_else(
    command: Any, known: dict[str, Path], here: Path
) -> None:
    for _ in range(2):
        assert ended(command, "evaluate {fakes} --reference {reals} --folds 2", known, here).status == 0
        assert sorted(path.name for path in (here / "result").iterdir()) == [
            "answers.csv",
            "confusion.png",
            "exhibits.safetensors",
            "run.json",
            "scores.json",
        ]
        (here / "result" / "answers.csv").write_text("old")


@pytest.mark.parametrize("command_line", ["evaluate {three} --folds 2 --attributor linear", "demo"])
def test_a_place_that_cannot_be_written_is_told_before_any_image_is_read(
    known: dict[str, Path], here: Path, command_line: str
) -> None:
    locked = here.parent / "locked"
    locked.mkdir(mode=0o555)
    code = "from manifpt.cli.application import run; run()"
    words = [sys.executable, "-c", code, *filled(command_line, known, here).split(), "--out", str(locked / "new")]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("needs setpriv (util-linux) to be bound by permissions as root")
        words = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *words]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=here)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"manifpt: error: {locked}/new cannot be written (Permission denied); expected a place for a new folder; "
        "choose another --out\n"
    )
    assert list(locked.iterdir()) == []


def test_a_demo_replaces_its_own_files_only(tmp_path: Path) -> None:
    from manifpt.cli.demo import clear
    from manifpt.errors import DataError

    clear(tmp_path / "demo")
    for name in ("images/manifest.csv", "model/model.json", "my-model/model.json", "scores.json"):
        (tmp_path / "demo" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "demo" / name).write_text("content")
    clear(tmp_path / "demo")
    assert [path.name for path in (tmp_path / "demo").rglob("*.*")] == [".manifpt-demo", "model.json"]
    pictures(tmp_path / "data" / "images", 1)
    (tmp_path / "data" / "images" / "manifest.csv").write_text("path,generator")
    with pytest.raises(DataError, match="which is no part of an earlier demo"):
        clear(tmp_path / "data")
    assert (tmp_path / "data" / "images" / "0.png").exists()
