"""Patches of maps, a classifier that is trained on them, and the loss that draws those of one class together."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from manifpt.attributors.architectures import Classifier

# As Yang et al. have them: the temperature of similarities, and the length of the vectors that are compared.
TEMPERATURE, COMPARED = 0.07, 128


def contrast(vectors: Tensor, labels: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Return the supervised contrastive loss: how much nearer the others of a class could be than all the rest.

    For a vector i with the positives P(i), the others of its class, the loss is the mean over p in P(i) of
    −ln(exp(z_i·z_p / t) / Σ_{a≠i} exp(z_i·z_a / t)). Khosla et al., *Supervised Contrastive Learning*, NeurIPS 2020,
    equation 2. Vectors without positives do not count; where there are no others, the loss is 0.

    Args:
        vectors: (n, d), of length 1.
        labels: Class indices, (n,).
        temperature: t, the scale of similarities.

    Example:
        >>> pairs = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        >>> round(contrast(pairs, torch.tensor([0, 0, 1, 1]), temperature=1.0).item(), 4)
        0.5514
    """
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    logs = (vectors @ vectors.T / temperature).masked_fill(itself, torch.finfo(vectors.dtype).min).log_softmax(dim=1)
    positive = (labels[:, None] == labels) & ~itself
    found = positive.sum(dim=1)
    losses = -logs.masked_fill(~positive, 0).sum(dim=1) / found.clamp(min=1)
    return losses.sum() / (found > 0).sum().clamp(min=1)


def patches(maps: Tensor, views: int, share: float) -> Tensor:
    """Return random patches of maps, (n · views, c, ⌈share · h⌋, ⌈share · w⌋), those of one map in a row.

    Places are drawn from the processor's global generator, on every device.

    Args:
        maps: (n, c, h, w).
        views: Patches of a map.
        share: Of a map's sides, those of a patch.
    """
    height, width = (max(1, round(share * side)) for side in maps.shape[-2:])
    count = len(maps) * views
    tops = torch.randint(maps.shape[-2] - height + 1, (count,)).to(maps.device)
    lefts = torch.randint(maps.shape[-1] - width + 1, (count,)).to(maps.device)
    rows = tops[:, None] + torch.arange(height, device=maps.device)
    columns = lefts[:, None] + torch.arange(width, device=maps.device)
    source = torch.arange(len(maps), device=maps.device).repeat_interleave(views)
    found = maps.permute(0, 2, 3, 1)[source[:, None, None], rows[:, :, None], columns[:, None, :]]
    return found.permute(0, 3, 1, 2)


class PatchClassifier(Classifier):
    """A classifier of whole maps that learns from patches: each is classified, and those of one class are positives.

    Args:
        body, width, classes, channels, axes, dropout: As of ``Classifier``.
        views: Patches of a map in a step.
        share: Of a map's sides, those of a patch.
        contrasted: What the contrastive loss counts beside cross-entropy.
    """

    def __init__(
        self,
        body: nn.Module,
        *,
        width: int,
        classes: int,
        channels: int,
        axes: int,
        dropout: float,
        views: int,
        share: float,
        contrasted: float,
    ) -> None:
        super().__init__(body, width=width, classes=classes, channels=channels, axes=axes, dropout=dropout)
        self.views, self.share, self.contrasted = views, share, contrasted
        self.projection = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, COMPARED))

    def loss(self, inputs: Tensor, labels: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
        """Return cross-entropy and contrastive loss of random patches, and each map's mean logits, (n, classes)."""
        features = self.features(patches(inputs, self.views, self.share))
        logits = self.head(self.dropout(features)).float()
        truth = labels.repeat_interleave(self.views)
        loss = functional.cross_entropy(logits, truth, label_smoothing=smoothing)
        if self.contrasted:
            with torch.autocast(inputs.device.type, enabled=False):
                vectors = functional.normalize(self.projection(features.float()), dim=1)
                loss = loss + self.contrasted * contrast(vectors, truth)
        return loss, logits.view(len(inputs), self.views, -1).mean(dim=1)
