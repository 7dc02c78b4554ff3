"""What others search the nearest reference with: FAISS, scikit-learn and PyTorch, on as many threads as manifpt."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.manifolds.threads import threads

Search = Callable[[NDArray[np.float32]], NDArray[np.int64]]
Floats = NDArray[np.float32]
ADDED = 1000  # references converted together
LINKS = 32  # of a node of HNSW
RECALL = 0.999  # at the first place, that HNSW has to reach
CEILING = 4096  # of efSearch
CHUNK = 512  # queries of a product of PyTorch's


@dataclass
class Peer:
    """A search that was built over references.

    Args:
        search: Float32 queries (n, d) → the numbers of their nearest references (n,).
        built: Seconds.
        about: What else is told of it.
    """

    search: Search
    built: float
    about: dict[str, Any] = field(default_factory=dict)


def floats(values: NDArray[Any]) -> Floats:
    """Return points as rows of float32."""
    return np.ascontiguousarray(values.reshape(len(values), -1), np.float32)


def faiss_flat(references: NDArray[Any]) -> Peer:
    """Return FAISS's exact search."""
    import faiss

    started = time.perf_counter()
    faiss.omp_set_num_threads(threads())
    index = faiss.IndexFlatL2(int(np.prod(references.shape[1:])))
    _add(index, references)
    return Peer(lambda queries: index.search(queries, 1)[1][:, 0], time.perf_counter() - started)


def faiss_hnsw(references: NDArray[Any]) -> Peer:
    """Return FAISS's graph; ``tuned`` sets how far it looks."""
    import faiss

    started = time.perf_counter()
    faiss.omp_set_num_threads(threads())
    index = faiss.IndexHNSWFlat(int(np.prod(references.shape[1:])), LINKS)
    _add(index, references)
    built = time.perf_counter() - started

    def wide(width: int) -> None:
        index.hnsw.efSearch = width

    return Peer(lambda queries: index.search(queries, 1)[1][:, 0], built, {"wide": wide})


def sklearn_brute(references: NDArray[Any]) -> Peer:
    """Return scikit-learn's brute force."""
    from sklearn.neighbors import NearestNeighbors

    started = time.perf_counter()
    index = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(floats(references))
    built = time.perf_counter() - started
    return Peer(lambda queries: index.kneighbors(queries, return_distance=False)[:, 0], built)


def torch_product(references: NDArray[Any]) -> Peer:
    """Return |x|² + |y|² − 2xy by PyTorch's product, and topk."""
    import torch

    torch.set_num_threads(threads())
    started = time.perf_counter()
    stored = torch.from_numpy(floats(references))
    lengths = stored.square().sum(1)
    built = time.perf_counter() - started

    @torch.inference_mode()
    def search(queries: Floats) -> NDArray[np.int64]:
        found = []
        for some in torch.from_numpy(queries).split(CHUNK):
            squares = torch.addmm(lengths, some, stored.T, alpha=-2).add_(some.square().sum(1, keepdim=True))
            found.append(squares.topk(1, largest=False).indices[:, 0])
        return torch.cat(found).numpy()

    return Peer(search, built)


PEERS: dict[str, tuple[str, Callable[[NDArray[Any]], Peer]]] = {
    "faiss": ("FAISS Flat", faiss_flat),
    "hnsw": ("FAISS HNSW", faiss_hnsw),
    "sklearn": ("scikit-learn brute", sklearn_brute),
    "torch": ("PyTorch GEMM", torch_product),
}


def tuned(peer: Peer, queries: Floats, right: Callable[[NDArray[np.int64]], float]) -> Peer:
    """Return HNSW that looks as far as its recall needs, and no farther than a ceiling.

    Args:
        peer: HNSW.
        queries: Float32 (n, d).
        right: Numbers (n,) → the share of them that are nearest.
    """
    width, recall, wide = 8, 0.0, peer.about["wide"]
    while recall < RECALL and width < CEILING:
        width *= 2
        wide(width)
        recall = right(peer.search(queries))
    return Peer(peer.search, peer.built, {"links": LINKS, "efSearch": width, "recall": round(recall, 4)})


def _add(index: Any, references: NDArray[Any]) -> None:
    for start in range(0, len(references), ADDED):
        index.add(floats(references[start : start + ADDED]))
