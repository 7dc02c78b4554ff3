"""The zoo's page is what its records say, and its committed weights are sound, small and measured."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from manifpt.embeddings.small import CIFAR10
from manifpt.zoo.decoders import decoders
from manifpt.zoo.designs import named

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "zoo" / "weights"
FILES = sorted(WEIGHTS.rglob("*.safetensors"))
committed = pytest.mark.skipif(not FILES, reason="zoo/weights holds no weights yet")


@pytest.fixture
def zoo_page(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "docs")
    import zoo_page

    return zoo_page


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def put(path: Path, record: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record), encoding="utf-8")


def sidecar(name: str, *, steps: int = 2000) -> dict[str, Any]:
    about = {"parameters": 12345, "steps": steps, "batch": 64, "seconds": 600, "reals": 8336, "sha256": "0" * 64}
    return {"design": named(name).record(), "classes": [], **about}


def measured(*failures: str, classes: bool = True, frechet: float = 12.3) -> dict[str, Any]:
    shares = dict.fromkeys(CIFAR10, 0.1) | {"frog": 0.034, "cat": 0.166}
    quantiles = {f"nearest{end}": [1.5, 3.5] for end in ("", "_reals", "_errors", "_rgb", "_reals_rgb")}
    numbers = {"frechet": frechet, "frechet_reals": 0.4, "precision": 0.81, "recall": 0.2, "density": 0.7}
    about = {"coverage": 0.41, "nearer": 0.49, "nearer_error": 0.03, "images": 1000, "space": "sl-cifar"}
    card = {**numbers, **about, **quantiles, "classes": shares if classes else None, "failures": list(failures)}
    return {"card": card, "sha256": "0" * 64, "seed": 0, "n": 1000, "bytes": 2**20, "bits_per_dimension": None}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small zoo: two generators of CIFAR-10 of which one failed, one of cats and dogs, and three decoders."""
    zoo = tmp_path / "zoo"
    put(zoo / "weights" / "dcgan@1.json", sidecar("dcgan@1") | {"classes": list(CIFAR10), "bf16": True})
    put(zoo / "cards" / "dcgan@1.json", measured())
    put(
        zoo / "failed" / "wgan-gp.json",
        {"sidecar": sidecar("wgan-gp", steps=7)} | measured("coverage 0.10 is below 0.2"),
    )
    put(zoo / "weights" / "catsdogs" / "glow.json", sidecar("glow"))
    put(zoo / "cards" / "catsdogs" / "glow.json", measured(classes=False, frechet=45.6) | {"bits_per_dimension": 4.25})
    some, entries = decoders()[6:9], {}
    for index, one in enumerate(some):
        put(zoo / "weights" / f"{one.name}.json", {**sidecar("dcgan"), "design": one.record()})
        errors = {"rmse": 20.0 + index, "ssim": 0.5 + 0.1 * index, "training_seconds": 10, "reals": 1017}
        entries[one.name] = {"design": one.record(), "parameters": 20000 + index, **errors}
    put(zoo / "cards" / "decoders.json", {"decoders": entries})
    return tmp_path


def test_the_page_tells_of_each_generator_what_its_records_say(zoo_page: ModuleType, root: Path) -> None:
    page = zoo_page.page(root)
    cifar10, catsdogs = page.split("## Trained on cats and dogs")
    assert "| [dcgan@1](#dcgan1) | gan | 12.3 | 0.81 | 0.41 | frog 3 % | shipped |" in cifar10
    assert "| wgan-gp | gan | 12.3 | 0.81 | 0.41 | frog 3 % | failed, not shipped |" in cifar10
    assert "| wgan-gp | 7 steps of 64 in 10 min | coverage 0.10 is below 0.2 |" in cifar10
    assert "### dcgan@1\n" in cifar10
    assert "### wgan-gp" not in page
    assert "images/zoo/dcgan@1.png" in cifar10
    assert cifar10.count("| airplane | automobile |") == 1
    assert "| [glow](#glow-cats-and-dogs) | flow | 45.6 | 0.81 | 0.41 | shipped |" in catsdogs
    assert "images/zoo/catsdogs/glow.png" in catsdogs
    assert "| bits per subpixel of unseen reals | 4.25 |" in catsdogs
    assert "airplane" not in catsdogs


def test_decoders_are_averaged_over_the_seeds_of_a_run(zoo_page: ModuleType, root: Path) -> None:
    page = zoo_page.page(root)
    # The centre's last two seeds, and the first one of the second run.
    assert "| nearest | relu | batch | none | l2 | 2 | 20.5 | 0.550 | 10 |" in page
    assert "| nearest | lrelu | group | output | perceptual | 1 | 22.0 | 0.700 | 10 |" in page
    assert "| upsampling | nearest 21.2, 0.625 |" in page


def test_the_best_estimate_of_the_displacement_is_marked_in_each_column(zoo_page: ModuleType, root: Path) -> None:
    assert "known displacement\n" not in zoo_page.page(root)
    values = {"none": (1.0, 1.0), "nearest real, rgb": (0.5, 1.5)}
    rows = [
        {"estimate": name, "bands": {"0–1/16": [low, low - 0.1, low + 0.1]}, "all": [high, high, high]}
        for name, (low, high) in values.items()
    ]
    counts = {"decoders": 3, "reals": 339, "fitted_on": 678, "reference": 8336, "resamplings": 1000}
    put(root / "zoo" / "displacement.json", {**counts, "rows": rows})
    page = zoo_page.page(root)
    assert "| estimate | 0–1/16 | all |" in page
    assert "| none | 1.000 [0.900, 1.100] | **1.000** [1.000, 1.000] |" in page
    assert "| nearest real, rgb | **0.500** [0.400, 0.600] | 1.500 [1.500, 1.500] |" in page


def test_the_commands_train_every_generator_as_it_was_trained(zoo_page: ModuleType, root: Path) -> None:
    data = "--data DATA/reals/cifar10-train --out zoo/weights"
    listed, *lines = zoo_page.commands(root / "zoo")
    assert listed.endswith("> decoders.txt")
    assert lines == [
        f"manifpt zoo train dcgan@1 --bf16 --classes --steps 2000 {data}",
        f"manifpt zoo train wgan-gp --steps 7 {data}",
        "manifpt zoo train glow --steps 2000 --data runs/catsdogs/train --out zoo/weights/catsdogs",
        f"manifpt zoo train $(cat decoders.txt) --steps 2000 {data}",
    ]


def test_a_second_attempt_under_a_name_hides_none_and_is_trained_elsewhere(zoo_page: ModuleType, root: Path) -> None:
    for steps, digest in ((5, "a" * 64), (900, "b" * 64)):
        about = sidecar("dcgan@1", steps=steps) | {"sha256": digest}
        put(root / "zoo" / "failed" / f"dcgan@1.{digest[:8]}.json", {"sidecar": about} | measured("too few"))
    page = zoo_page.page(root)
    assert page.count("| dcgan@1 | gan | 12.3 |") == 2
    assert page.index("| [dcgan@1](#dcgan1) |") < page.index("| dcgan@1 | gan |")
    assert page.index("| dcgan@1 | 5 steps") < page.index("| dcgan@1 | 900 steps")
    data = "--data DATA/reals/cifar10-train --out"
    assert f"zoo train dcgan@1 --steps 5 {data} runs/attempts/aaaaaaaa\n" in page
    assert f"zoo train dcgan@1 --steps 900 {data} runs/attempts/bbbbbbbb\n" in page
    assert page.count("zoo_cards.py --weights runs/attempts/") == 2


def test_a_generator_without_a_card_is_no_part_of_a_page(zoo_page: ModuleType, root: Path) -> None:
    (root / "zoo" / "cards" / "dcgan@1.json").unlink()
    with pytest.raises(SystemExit, match="no card of dcgan@1: run benchmarks"):
        zoo_page.page(root)


@committed
def test_the_page_is_that_of_the_committed_records(zoo_page: ModuleType) -> None:
    page = (ROOT / "docs" / "zoo.md").read_text(encoding="utf-8")
    assert page == zoo_page.page(), "run python docs/zoo_page.py"
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", page)
    assert pictures
    for picture in pictures:
        assert (ROOT / "docs" / picture).is_file(), picture


@committed
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(WEIGHTS).with_suffix("").as_posix())
def test_committed_weights_are_small_and_have_a_card_of_them_without_failures(path: Path) -> None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    about = read(path.with_suffix(".json"))
    assert about["sha256"] == digest
    assert path.stat().st_size <= 1.5 * 2**20
    cards = ROOT / "zoo" / "cards"
    if about["design"]["family"] == "decoder":
        assert read(cards / "decoders.json")["decoders"][path.stem]["sha256"] == digest
        return
    card = read(cards / path.relative_to(WEIGHTS).with_suffix(".json"))
    assert card["sha256"] == digest
    assert card["card"]["failures"] == []
    if path.parent == WEIGHTS:
        assert card["card"]["classes"], "measured without ResNet-56"


@committed
def test_committed_weights_are_small_together_and_no_card_is_left_of_others() -> None:
    assert sum(path.stat().st_size for path in FILES) <= 16 * 2**20
    names = {path.relative_to(WEIGHTS).with_suffix("") for path in FILES}
    assert {path.relative_to(WEIGHTS).with_suffix("") for path in WEIGHTS.rglob("*.json")} == names
    cards = ROOT / "zoo" / "cards"
    found = {path.relative_to(cards).with_suffix("") for path in cards.rglob("*.json")} - {Path("decoders")}
    assert found <= names


@committed
def test_what_failed_is_kept_by_its_digest_and_is_no_shipped_weight() -> None:
    shipped = {hashlib.sha256(path.read_bytes()).hexdigest() for path in FILES}
    failed = {path: read(path) for path in (ROOT / "zoo" / "failed").rglob("*.json")}
    assert failed
    for path, record in failed.items():
        assert path.name == f"{record['sidecar']['design']['name']}.{record['sha256'][:8]}.json"
        assert record["sha256"] == record["sidecar"]["sha256"] not in shipped
        assert record["card"]["failures"]
