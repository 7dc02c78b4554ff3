"""Names and what stands behind them."""

from __future__ import annotations

from importlib import import_module
from typing import get_args

import pytest

from manifpt.errors import UnknownNameError
from manifpt.registry import TABLES, Kind, built, names


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_row_points_to_a_class_that_exists(kind: Kind) -> None:
    for target in TABLES[kind].values():
        module, _, attribute = target.partition(":")
        assert isinstance(getattr(import_module(module), attribute), type)


def test_an_unknown_name_is_answered_with_the_nearest_ones() -> None:
    with pytest.raises(UnknownNameError) as caught:
        built("embeddings", "frec")
    assert str(caught.value).startswith("'frec' is not one of the embeddings; expected one of rgb, freq, ")
    assert str(caught.value).endswith("did you mean freq or rgb+freq or freq-grey?")


def test_a_prefix_alone_is_no_name() -> None:
    with pytest.raises(UnknownNameError):
        built("embeddings", "hf:")
    assert "hf:" in names("embeddings")
