from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from manifpt.attributors.patches import PatchClassifier, contrast, patches


def test_the_contrastive_loss_is_the_one_worked_out_by_hand() -> None:
    # Similarities: 0 and 1: 0; 0 and 2: 0.6; 1 and 2: 0.8. Vector 1 is alone in its class.
    vectors = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], dtype=torch.float64)
    of_first = -0.6 + math.log(math.exp(0) + math.exp(0.6))
    of_last = -0.6 + math.log(math.exp(0.6) + math.exp(0.8))
    found = contrast(vectors, torch.tensor([0, 1, 0]), temperature=1.0)
    assert found.item() == pytest.approx((of_first + of_last) / 2, abs=1e-6)
    colder = contrast(vectors, torch.tensor([0, 1, 0]), temperature=0.5)
    of_first = -1.2 + math.log(math.exp(0) + math.exp(1.2))
    of_last = -1.2 + math.log(math.exp(1.2) + math.exp(1.6))
    assert colder.item() == pytest.approx((of_first + of_last) / 2, abs=1e-6)


def test_positives_are_averaged_outside_the_logarithm() -> None:
    # One class of e, e and −e, and another vector at right angles.
    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    of_equal = -(1 - 1) / 2 + math.log(math.e + 1 / math.e + 1)
    of_opposite = 1 + math.log(2 / math.e + 1)
    found = contrast(vectors, torch.tensor([1, 1, 1, 0]), temperature=1.0)
    assert found.item() == pytest.approx((2 * of_equal + of_opposite) / 3, abs=1e-6)


@pytest.mark.parametrize("labels", [[0], [0, 1]])
def test_vectors_without_positives_cost_nothing_and_draw_nowhere(labels: list[int]) -> None:
    vectors = torch.eye(2)[: len(labels)].requires_grad_()
    loss = contrast(vectors, torch.tensor(labels))
    loss.backward()
    assert loss.item() == 0
    assert vectors.grad is not None
    assert not vectors.grad.any()


def test_patches_are_pieces_of_their_own_maps_at_all_places() -> None:
    # A value says of which map, channel, row and column it is.
    maps = torch.arange(2 * 3 * 6 * 5).view(2, 3, 6, 5).float()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = patches(maps, 200, 0.5)
    assert found.shape == (400, 3, 3, 2)
    places = set()
    for number, patch in enumerate(found):
        first = int(patch[0, 0, 0])
        source, top, left = first // 90, first % 90 % 30 // 5, first % 5
        assert source == number // 200
        assert torch.equal(patch, maps[source, :, top : top + 3, left : left + 2])
        places.add((source, top, left))
    assert len(places) == 2 * 4 * 4


def test_a_whole_map_is_a_patch_and_none_is_empty() -> None:
    maps = torch.rand(2, 3, 4, 4)
    assert torch.equal(patches(maps, 1, 1.0), maps)
    assert patches(maps, 3, 0.01).shape == (6, 3, 1, 1)


class Shades(nn.Module):
    """The mean of each channel."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean(dim=(2, 3))


def classifier(contrasted: float) -> PatchClassifier:
    network = PatchClassifier(
        Shades(), width=3, classes=3, channels=3, axes=3, dropout=0.0, views=4, share=0.5, contrasted=contrasted
    )
    with torch.no_grad():
        network.head.weight.copy_(20 * torch.eye(3))
        network.head.bias.zero_()
    return network


def test_all_patches_of_a_map_carry_its_label() -> None:
    labels = torch.tensor([2, 0, 1, 1])
    maps = torch.eye(3)[labels][:, :, None, None].expand(4, 3, 8, 8)
    loss, logits = classifier(0.0).loss(maps, labels, 0.0)
    assert loss.item() < 1e-6
    np.testing.assert_allclose(logits.detach(), 20 * torch.eye(3)[labels])
    assert classifier(0.0).loss(maps, labels.flip(0), 0.0)[0].item() > 5


def test_the_contrastive_loss_is_added_with_its_weight() -> None:
    labels = torch.tensor([2, 0, 1, 1])
    maps = torch.eye(3)[labels][:, :, None, None].expand(4, 3, 8, 8)
    network = classifier(0.0)
    vectors = nn.functional.normalize(network.projection(torch.eye(3)[labels]), dim=1).repeat_interleave(4, dim=0)
    expected = contrast(vectors, labels.repeat_interleave(4)).item()
    network.contrasted = 0.3
    found = network.loss(maps, labels, 0.0)[0].item()
    assert expected > 1
    assert found == pytest.approx(0.3 * expected, rel=1e-4)
