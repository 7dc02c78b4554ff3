"""The sentences of docs/performance.md; ``performance_page.py`` writes the page."""

from __future__ import annotations

HEAD = """# Performance

Every figure here was found by a command of `benchmarks/` and lies in `benchmarks/figures`; the page is written from
there:

```console
python benchmarks/performance_page.py --measure  # run everything, then write
python benchmarks/performance_page.py            # write only
python benchmarks/projection.py --only rgb --peers faiss hnsw sklearn torch --keep  # run a row again
```

Measured on: {machines}. Ratios are medians over pairs that run in turn, so that what disturbs the machine disturbs
both; those who compare are given the same data and threads, and their answers are compared in the same run.
"""

PROJECTION = """
## Exact projection

How many times faster the exact search is than others (`python benchmarks/projection.py`). References are CIFAR-10
training reals with flips and shifts, or crops of three of scikit-image's photographs; queries are CIFAR-10 test reals
and their flips, images of published generators of `gm-cifar10-wild`, or crops of a fourth photograph: no query has a
relative among the references. Crops of one photograph overlap; as many different photographs may behave otherwise.
{exact} Conversion of the queries is in the time, building is not.
"""

EXACT = (
    "In each row the neighbours of 20 queries equal those of explicit float64 differences to every reference, and of "
    "all queries no neighbour of another search is nearer."
)
NOT_EXACT = "**Not exact: {rows}.**"

ROWS = {
    "rgb": "`rgb`",
    "rgb-generated": "`rgb-generated`: generated images as queries",
    "single": "`single`: one query",
    "freq": "`freq`",
    "network": "`network`: `sl-cifar` after its third stage",
    "noise": "`noise`: nothing tells references apart",
    "rgb-256": "`rgb-256`",
}
PEERS = {"faiss": "FAISS Flat", "hnsw": "FAISS HNSW", "sklearn": "scikit-learn", "torch": "PyTorch"}
AIMS = {
    "rgb": 10,
    "rgb-generated": 6,
    "single": 15,
    "freq": 3,
    "network": 3,
    "noise": 0.75,
    "rgb-256": 30,
}  # × FAISS Flat

MEMORY = """
Memory is the peak of anonymous memory of a process that builds and searches, beyond imports and queries; references
lie in a file. The index is built at the first query that pays for it. HNSW has 32 links and looks farther
(`efSearch`) until 99.9 % of its neighbours are nearest, or 4,096 are looked at; PyTorch multiplies 512 queries at
once and takes `topk`; scikit-learn is `NearestNeighbors(algorithm="brute")`.
"""

SHORT = {
    "rgb-256": (
        "The references are 10,000 crops of three photographs, many of them nearly equally far from a crop of a "
        "fourth, so that bounds leave many pairs, of which each costs up to 196,608 differences."
    ),
}
# Where the time of `rgb-256` goes, and what was tried; empty while that is not known.
PROFILE = ""

HALVES = """
`freq`, `network` and `noise` make their products in bfloat16 where the processor can (AVX-512 BF16 or AMX), and in
float32 elsewhere; on those processors they are slower than this table says.
"""

GROWTH = """
## Growth with the references

`python benchmarks/scaling.py`: CIFAR-10 training reals, then their flips, then both shifted by up to 4 pixels each way
(of 8,336 images that makes 10⁶: each is there up to 120 times), on disk; {queries} queries are CIFAR-10 test reals and
their flips. Time per query is the median of {repetitions} repetitions. Over {low} to {high} references it grows with
the power **{value}** (95 % of resampled repetitions: {interval}){others}.{greatest} A shard on
disk holds 21,504 of them and has an index of its own, and each is searched for each query. Shifted images are near each
other; as many different photographs may behave otherwise. {exact}
"""
GREATEST = " Over the greatest counts alone, from {low} on, the power is **{value}** ({interval})."
GROWTH_EXACT = "In each row the neighbours of 5 queries are exact, and no neighbour of FAISS's is nearer."

TRANSFORMS = """
## Which transform

`python benchmarks/transforms.py`: the share of pairs of query and reference that a bound of p coordinates and the
remainder's length leaves to be settled, for transforms that need no fitting (Haar: pooled pixels, coarse to fine; DCT:
low frequencies first) and for principal components: those that the search uses (of pooled pixels, or of spectra whose
halves are folded), and for small images those of all pixels. Building is fitting, and transforming all references to
1,024 coordinates.
"""

FRECHET = """
## Fréchet distance and FDR

`python benchmarks/fdr.py`, on drawn points; answers differ by at most {apart} (of the traces, or of FDR).
"""

EMBEDDING = """
## Spectra, networks, decoding

`python benchmarks/embedding.py`, on real images; equal answers are checked in each row.
"""

TRAINING = """
## Training attributors

`python benchmarks/training.py`, against a loop that trains the same network with the same batches, losses and AdamW
in float32, and averages no weights; the losses of the first steps are the same.
"""

WHOLE = """
## Whole runs

`python benchmarks/end_to_end.py`: `fit` goes from files to a saved model, `attribute` from a saved model and files to
answers, without a cache. Beside it a script of Pillow, NumPy and FAISS Flat with the same attributor, which checks no
files, looks for no near-duplicates and shows no evidence; distances and answers are compared. Shares of the time:
"""

SLOWER = "Slower than the other: {rows}."
