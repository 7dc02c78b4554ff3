"""Write docs/datasets.md from the table of the zoo: ``python docs/datasets_page.py``; a test holds the page to it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from manifpt.zoo.published import PaperSet, Published, paper_sets

# Not the punctuation of the sentence around it.
ADDRESS = re.compile(r"https?://[^\s)]*[^\s).,;]")
HEAD = """# The paper's data sets

The paper attributes images of 8 to 17 published generators in each of four sets. Their images are not published
together, so this page says for every model where its code, and weights or samples for that set's data, are published,
under which licence, and how they become a manifpt data set. It is written by `python docs/datasets_page.py` from the
table that `manifpt zoo recipes SET` shows too; a test compares them.

## Build a set

1. Collect images of each model in one folder, in the layout of the authors' release: a sub-folder `family-model` each
   (`gan-ddgan`, `vae-beta-vae`, `score-ncsnpp`), or `family-model.parquet`. The commands below do that. Case, hyphens
   and Greek letters in the names do not matter. 1,500 images a model are used; sub-folders of a model (classes, runs)
   are taken in turn.
2. Divide the reals: those that estimate the manifold, and others that form the class `real`.
3. Build it:

```bash
manifpt zoo build GM-CIFAR10 --samples collected --reference reals/train --real reals/test --out gm-cifar10
```

Models that could not be collected make this an error that names them; `--partial` does without them, and says so. All
images must have the set's size; `--resize` and `--crop` bring them to it, which changes the trace of what is resized.

## What the set holds

- **Reference**: all of `--reference`. Never scored, and disjoint by content from everything else; the paper's
  released code projects the reals that it scores onto themselves.
- **Generators**: of each, in the order of the listing, the first 1,000 images train and the next 500 test; of fewer
  than 1,500, two thirds train. Images whose pixels another one of the model has are left out.
- **Real**: all of `--real`; its content decides which third of it tests.
- Everything is lossless PNG with a manifest, and opens like any [data set](data.md).

## What the paper does not say

No statement was found of which checkpoints, classes, temperatures, truncations and numbers of steps its images were
drawn with; how its reals were cut and scaled; which images are references, beyond all 30,000 of CelebA-HQ, and how many
test. So a set that is built here has the paper's models, not its images, and its figures need not be the paper's. RVE
is read as the reciprocal variance exploding diffusion of Soft Truncation (Kim et al., 2022).

## How to read the tables

They repeat what the pages under *Stated by* say; no weights were downloaded to check them. "None found" means that
none of those pages publishes weights for this data: the commands then train the model, and drawing from it is left to
the project's own code. "Not stated apart" means that the licence of the code is the only one named. Third-party
commands are those of their READMEs, with numbers of images and paths adapted; words in capitals are for you to fill
in, and `SAMPLES` is the folder that a project writes its images to. Many licences are non-commercial.
"""


def page() -> str:
    """Return the page."""
    return HEAD + "".join(map(_section, paper_sets()))


def _section(chosen: PaperSet) -> str:
    rows = [
        "| model | family | code | weights or samples | licence |",
        "|---|---|---|---|---|",
        *map(_row, chosen.models),
    ]
    reals = f"""**Reals**: [{chosen.reals}]({chosen.where}). Licence: {chosen.licence}. {_linked(chosen.about)}
Stated by {_links(chosen.sources)}.

{_block(chosen.commands)}"""
    title = f"{chosen.name}: {len(chosen.models)} models, {chosen.size} × {chosen.size}"
    return "\n".join([f"\n## {title}\n", *rows, "", reals, *map(_recipe, chosen.models), ""])


def _row(one: Published) -> str:
    places = {"weights": one.weights, "samples": one.samples}
    found = [f"[{what}]({place})" for what, place in places.items() if place]
    if one.diffusers:
        found[0] += f" (`diffusers` pipeline `{one.diffusers}`)"
    where = ", ".join(found) or "none found, train it"
    return f"| {one.model} | {one.family} | [{_repository(one.code)}]({one.code}) | {where} | {one.licence} |"


def _recipe(one: Published) -> str:
    about = [_linked(one.note)] if one.note else []
    if not (one.weights or one.samples):
        about.insert(0, "No published weights found; train with the command.")
    told = " ".join([*about, f"Stated by {_links(one.sources)}."])
    return f"\n### {one.model} ({one.set})\n\n{told}\n\n{_block(one.commands)}"


def _block(commands: tuple[str, ...]) -> str:
    return "\n".join(["```bash", *commands, "```"])


def _links(places: tuple[str, ...]) -> str:
    return ", ".join(f"[{_repository(place)}]({place})" for place in places)


def _linked(text: str) -> str:
    """Return a text whose addresses are links."""
    return ADDRESS.sub(r"<\g<0>>", text)


def _repository(place: str) -> str:
    """Return an address in a few letters: of a repository OWNER/NAME, else the host and the last part."""
    parts = urlsplit(place)
    path = parts.path.strip("/")
    return path if parts.netloc == "github.com" else f"{parts.netloc}/{path}".rstrip("/")


if __name__ == "__main__":
    (Path(__file__).parent / "datasets.md").write_text(page(), encoding="utf-8")
