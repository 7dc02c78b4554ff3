"""A Python function is asked for images by seed and place, and what it returns is never guessed at."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from manifpt.errors import DataError, ImageError, ManifptError, NumbersError
from manifpt.zoo import callables
from manifpt.zoo.source import Images

MODULE = """
import functools
import numpy as np

def draw(count, seed, start):
    images = [np.random.default_rng([seed, start + i]).integers(0, 256, (6, 5, 3), np.uint8) for i in range(count)]
    return np.stack(images)

class Generator:
    @staticmethod
    def draw(count, seed, start):
        return draw(count, seed, start)

    def __call__(self, count, seed, start):
        return draw(count, seed, start)

made = Generator()
part = functools.partial(draw)
number = 3
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("mine_generator", "broken_generator", "leaving_generator"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    path = tmp_path / "mine_generator.py"
    path.write_text(MODULE)
    (tmp_path / "broken_generator.py").write_text("raise RuntimeError('no weights\\nhere')")
    (tmp_path / "leaving_generator.py").write_text("raise SystemExit(3)")
    return path


def drawn(function: Callable[..., Any], count: int, **numbers: int) -> Images:
    return np.concatenate(list(callables.drawn(function, "m:f", count, **numbers)))


@pytest.mark.parametrize("name", ["draw", "Generator.draw", "made", "part"])
def test_images_come_bit_for_bit_with_the_digest_of_their_file(mine: Path, name: str) -> None:
    source = callables.source(f"mine_generator:{name}", name="mine", family="gan")
    assert (source.name, source.family) == ("mine", "gan")
    assert source.digest == hashlib.sha256(mine.read_bytes()).hexdigest()
    whole = np.concatenate(list(source.draw(120, seed=2)))
    for place in (0, 49, 50, 119):
        expected = np.random.default_rng([2, place]).integers(0, 256, (6, 5, 3), np.uint8)
        np.testing.assert_array_equal(whole[place], expected)
    np.testing.assert_array_equal(np.concatenate(list(source.draw(60, seed=2, start=30))), whole[30:90])
    assert list(source.draw(0)) == []


def test_what_has_no_file_has_no_digest() -> None:
    assert callables.source("math:sqrt", name="x").digest == ""


def test_floats_from_0_to_1_become_the_nearest_grey_levels() -> None:
    levels = np.arange(256, dtype=np.float32).reshape(1, 16, 16, 1).repeat(3, axis=3)
    for kind in (np.float32, np.float64, np.float16):
        found = drawn(lambda count, seed, start, kind=kind: (levels / 255).astype(kind), 1)
        np.testing.assert_array_equal(found, levels.astype(np.uint8))
    over = drawn(lambda count, seed, start: levels / 255 * (1 + 1e-6), 1)
    np.testing.assert_array_equal(over, levels.astype(np.uint8))


def test_a_tensor_is_taken_with_its_gradient() -> None:
    images = torch.rand(2, 4, 4, 3, requires_grad=True)
    found = drawn(lambda count, seed, start: images, 2)
    np.testing.assert_array_equal(found, np.rint(images.detach().numpy().astype(np.float64) * 255))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (torch.rand(2, 3, 4, 4), r"shape \(2, 3, 4, 4\); expected shape \(2, height, width, 3\); move the channels"),
        (torch.rand(2, 4, 4, 3) * 2 - 1.5, r"floats from -1.\d+ to .*; scale them, \(x \+ 1\) / 2 if"),
        (np.full((2, 4, 4, 3), 255.0), r"floats from 255 to 255; expected uint8, or floats in \[0, 1\]"),
        (np.full((2, 4, 4, 3), np.nan), "96 values that are NaN or infinite; expected finite"),
        (np.full((2, 4, 4, 3), np.inf, np.float32), "96 values that are NaN or infinite"),
        (np.zeros((2, 4, 4, 3), np.int32), "values of type int32; expected uint8"),
        (np.zeros((2, 4, 4, 3), bool), "values of type bool; expected uint8"),
        (np.zeros((1, 4, 4, 3), np.uint8), r"shape \(1, 4, 4, 3\); expected shape \(2, "),
        (np.zeros((4, 4, 3), np.uint8), r"shape \(4, 4, 3\); expected shape \(2, "),
        (np.zeros((2, 0, 4, 3), np.uint8), r"shape \(2, 0, 4, 3\); expected"),
        ([np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8)], "several sizes: 4 × 4 and 5 × 4"),
        ("images", r"values of shape \(\); expected shape \(2, "),
        (None, r"values of shape \(\); expected shape \(2, "),
        (torch.zeros(2, 4, 4, 3, dtype=torch.bfloat16), "is no array"),
    ],
    # The values themselves differ from run to run, and tests that run side by side must have the same names.
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_what_is_no_image_is_refused_in_one_line(values: object, text: str) -> None:
    with pytest.raises(ImageError, match=f"^m:f returned .*{text}") as refused:
        drawn(lambda count, seed, start: values, 2)
    assert "\n" not in str(refused.value)


def test_images_of_another_size_in_a_later_block_are_refused() -> None:
    def growing(count: int, seed: int, start: int) -> Images:
        return np.full((count, 4 + start, 4, 3), start, np.uint8)

    with pytest.raises(ImageError, match="several sizes: 4 × 4 and 4 × 54"):
        drawn(growing, 60)


def test_a_function_that_does_not_heed_start_is_found_out() -> None:
    with pytest.raises(ImageError, match=r"the same images from 57 on as from 7 on; .*; let the function heed start"):
        drawn(lambda count, seed, start: np.arange(count * 12).reshape(count, 2, 2, 3).astype(np.uint8), 60, start=7)


@pytest.mark.parametrize("error", [ValueError("bad\nweights"), SystemExit(1), KeyError(), AssertionError("x" * 9999)])
def test_an_error_of_the_function_becomes_one_line(error: BaseException) -> None:
    def failing(count: int, seed: int, start: int) -> Images:
        raise error

    with pytest.raises(ImageError, match=f"^m:f stopped with {type(error).__name__}.*correct the function$") as told:
        drawn(failing, 2)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 400


def test_a_function_without_seed_and_start_is_told_what_it_is_called_with() -> None:
    with pytest.raises(ImageError, match=r"TypeError: .*'seed'; expected .* m:f\(2, seed=1, start=0\)"):
        drawn(lambda count: None, 2, seed=1)


def test_a_function_may_be_stopped_from_the_keyboard() -> None:
    def stopped(count: int, seed: int, start: int) -> Images:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drawn(stopped, 2)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("mine_generator", "'mine_generator' names no function of a module"),
        ("mine_generator:", "names no function of a module"),
        (":draw", "names no function of a module"),
        ("mine_generator:drew", "mine_generator has no drew"),
        ("mine_generator:Generator.drew", "mine_generator has no Generator.drew"),
        ("mine_generator:number", "mine_generator:number is int, which cannot be called"),
        ("no_such_module_here:draw", r"no_such_module_here cannot be imported \(ModuleNotFoundError"),
        ("..:draw", r"cannot be imported \(TypeError"),
        ("broken_generator:draw", r"broken_generator cannot be imported \(RuntimeError: no weights here\)"),
        ("leaving_generator:draw", r"leaving_generator cannot be imported \(SystemExit: 3\)"),
    ],
)
def test_what_names_no_function_is_refused_in_one_line(mine: Path, place: str, text: str) -> None:
    with pytest.raises(DataError, match=text) as refused:
        callables.source(place, name="x")
    assert re.fullmatch(r"[^\n]*; expected python:package.module:function; [^\n]*", str(refused.value))


def test_negative_numbers_and_own_errors_pass() -> None:
    with pytest.raises(NumbersError, match="expected numbers from 0 up"):
        drawn(lambda count, seed, start: None, 1, seed=-1)

    def telling(count: int, seed: int, start: int) -> Images:
        raise ManifptError("no weights", expected="weights", remedy="train it")

    with pytest.raises(ManifptError, match=r"^no weights; expected weights; train it$"):
        drawn(telling, 1)
