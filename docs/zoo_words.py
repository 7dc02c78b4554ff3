"""The prose of docs/zoo.md, which ``zoo_page.py`` fills with figures."""

from __future__ import annotations

HEAD = """# The zoo

Generators that are trained here, on reals that are known, with design choices that are crossed on purpose: the
architecture, the upsampling, the non-linearity, the normalisation, the skip connections, the loss. Their weights are in
`zoo/weights`, beside the package, not in it. `manifpt zoo sample` draws as many images as you like; `manifpt zoo build`
makes whole sets.

This page is written by `python docs/zoo_page.py` from the records of training and measurement; a test compares them.

## How to read it

- **Fréchet distance**: between a generator's images and as many held-out reals, in the 64 features of a ResNet-56 that
  was trained on CIFAR-10. "Reals" is the same for as many training reals: no generator can be expected to fall below
  it. The figures are no FID, whose features are others, and can be compared on this page only.
- **Precision** is the share of images inside the reals' neighbourhoods (5 neighbours, the same features); **recall**
  the share of reals inside the images' neighbourhoods; **density** the number of real neighbourhoods around an image,
  over the expected one; **coverage** the share of reals with an image in their neighbourhood.
- **Nearest training image**: quantiles of the distances to the nearest training image, in `ssl-cifar`. Those of
  held-out reals stand beside them, and a generator that copies falls below. In RGB smooth images lie nearer to
  everything, copied or not, so that those distances decide nothing.
- **Nearer to training than to unseen reals**: share of images that lie nearer, in RGB, to a training image than to any
  of as many held-out reals. Where nothing was learned by heart it is one half, within the error that is given: that of
  dividing the same reals at random, since a few smooth reals are the nearest of many images.
- **Classes**: the shares that ResNet-56 takes for each class. It has to decide, so that it names a class for noise too.

A generator is **shipped** if its precision is at least {precision}, its coverage at least {coverage}, neither quantile
of the nearest-training distances more than three standard errors below that of the held-out reals, the share that is
nearer to training at most three standard errors above one half, and, for GANs, flows and score models, no class below
{share}. Otherwise it **failed**: its figures are shown, its weights are not. A name can be there more than once:
a record of failure is kept, whatever came of the next attempt. Short trials, and trainings that were stopped before
their end, have no record.

How long to train, and whether to tell the classes, was decided with such cards in view, measured on the very held-out
reals that the figures below are of. What is shipped was chosen among attempts by its figures, which flatter it to that
extent.

Seconds and minutes of training are wall-clock on two busy cores, and no measure of speed.
"""

FOLDERS = (
    (
        "",
        "Trained on CIFAR-10",
        "Reals: `reals/cifar10-train` for the training, `reals/cifar10-test` as held-out ones, of 32 × 32 pixels.",
    ),
    (
        "catsdogs",
        "Trained on cats and dogs",
        "Reals: the photographs of `reals/catsdogs64`, reduced to 32 × 32 pixels. Their content decides which third is "
        "held out and never trained on. They do not have CIFAR-10's classes, so that classes are neither told nor "
        "asked for.",
    ),
)
"""Folder below the weights, title, and what the reals are."""

DATA = {"": "DATA/reals/cifar10-train", "catsdogs": "runs/catsdogs/train"}

FAILED = "These failed, and are not shipped:"

FIELDS = {
    "family": "family",
    "architecture": "architecture",
    "upsampling": "upsampling",
    "nonlinearity": "non-linearity",
    "normalisation": "normalisation",
    "downsampling": "downsampling",
    "skip": "skip",
    "loss": "loss",
    "width": "width",
    "seed": "seed",
}
CHOICES = {
    "upsampling": "upsampling",
    "nonlinearity": "non-linearity",
    "normalisation": "normalisation",
    "skip": "skip",
    "loss": "loss",
}

DECODERS = """
## Decoders

{count} small autoencoders in {runs} runs, whose choices are crossed: of any two choices, the numbers of runs in which
their levels meet differ by at most one. Each has {parameters} parameters. Their images are reconstructions of the
{reals} held-out reals, which none was trained on; they draw nothing of their own, so that they have no card.

RMSE is the root-mean-square error over all pixels, in grey levels; SSIM the mean structural similarity. Both, and the
seconds of training, are means over a run's seeds. They are no ranking: each decoder minimises its own loss.
"""

LEVELS = """Each choice alone: RMSE and SSIM, averaged over the runs that have a level. Among these the levels of the
other choices stand in nearly equal parts; but runs are few, and choices may work together."""

DISPLACEMENT = """
## The known displacement

What a manifold calls an artifact, the difference of an image to its real counterpart, can be checked where the
counterpart is known. For a reconstruction x̂ = decoder(encoder(x)) of a held-out real x it is x itself, and x̂ − x is
what was done to it. An estimate is given x̂ alone and has to tell x̂ − x.

The figures are the energy of the estimate's error over the energy of x̂ − x, in bands of spatial frequency (cycles per
pixel) and in all: 0 is perfect, 1 as good as no estimate, and more than 1 worse than none. Brackets hold 95 %
intervals, from {resamplings} resamplings of the reals. The lowest figure of a column is bold.

Two things have to be known. x is a point of the manifold, but need not be the one nearest to x̂. And a part of x̂ − x
is detail that the code has lost, which no manifold can know. So three controls, which know nothing of the data's
manifold, stand beside the manifolds: none (no displacement), the decoder's mean displacement, and an unsharp mask;
these two were fitted on the {fitted_on} held-out reals whose role is training. All errors are those of the {reals}
whose role is test, over {decoders} decoders; the reference holds {reference} reals. No real has two of these roles.
"""

LISTED = (
    "python -c 'from manifpt.zoo.decoders import decoders; print(*(one.name for one in decoders()))' > decoders.txt"
)

AGAIN = """
## Make it again

`DATA` is the folder that holds `reals`. A training that was stopped goes on when its command is given again. The same
command gives the same weights on one machine with one number of threads; others round otherwise, so that weights
differ, and figures a little.

```bash
export MANIFPT_WEIGHTS=DATA/weights OMP_NUM_THREADS=1
python benchmarks/catsdogs_division.py runs/catsdogs --data DATA
{commands}
python benchmarks/zoo_cards.py --weights zoo/weights --data DATA
{attempts}python benchmarks/known_displacement.py --weights zoo/weights --data DATA
python docs/zoo_page.py
```

The sets, from the weights that are here:

```bash
for set in gm-cifar10-zoo gm-decoders-zoo; do
  manifpt zoo build $set --reference DATA/reals/cifar10-train --real DATA/reals/cifar10-test --out $set
done
manifpt zoo build gm-catsdogs-zoo --reference runs/catsdogs/train --real runs/catsdogs/held-out --out gm-catsdogs-zoo
```
"""
