"""Images: from folders, manifests, data sets and arrays to one honest set."""

from __future__ import annotations

from manifpt.images.decoding import DecodedImage, decoded
from manifpt.images.files import file_content, file_sha256
from manifpt.images.imageset import ImageSet
from manifpt.images.inputs import inputs
from manifpt.images.opening import Skipped
from manifpt.images.preparation import Preparation
from manifpt.images.record import REAL, ImageRecord, Role
from manifpt.images.splits import Fold, folds, held_out

__all__ = [
    "REAL",
    "DecodedImage",
    "Fold",
    "ImageRecord",
    "ImageSet",
    "Preparation",
    "Role",
    "Skipped",
    "decoded",
    "file_content",
    "file_sha256",
    "folds",
    "held_out",
    "inputs",
]
