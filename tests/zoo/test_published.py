"""The paper's sets name every model of the paper, with what its projects say of it and commands that work."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image

from manifpt.cli.sample import sample
from manifpt.errors import UnknownNameError
from manifpt.zoo.foreign import label, place_of_images
from manifpt.zoo.published import Published, folded, is_paper_set, paper_set, paper_sets, slug

ROOT = Path(__file__).parents[2]
PAPER = {
    "GM-CIFAR10": (
        32,
        "BigGAN-Deep StyleGAN2 WGAN-gp DDGAN | NVAE VAE-BM Eff-VDVAE | GLOW MaCow | DDPM RVE LSGM",
    ),
    "GM-CelebA": (
        64,
        "GAN DCGAN LSGAN WGAN-gp WGAN-lp DRAGAN-gp DRAGAN-lp | β-VAE DFC-VAE NVAE VAE-BM Eff-VDVAE | GLOW | DDPM RVE",
    ),
    "GM-CHQ": (
        256,
        "BigGAN-Deep StyleGAN2 StyleGAN3 VQ-GAN StyleSwin DDGAN StyleALAE | NVAE VAE-BM Eff-VDVAE | "
        "MaCow Residual~Flow | DDPM NCSN++ RVE LSGM LDM",
    ),
    "GM-FFHQ": (256, "BigGAN-Deep StyleGAN2 StyleGAN3 VQ-GAN | NVAE Eff-VDVAE | | NCSN++ LDM"),
}
ALL = [one for chosen in paper_sets() for one in chosen.models]
NAMES = [f"{one.set} {one.name}" for one in ALL]


@pytest.mark.parametrize("name", PAPER)
def test_a_set_has_the_papers_models_in_the_papers_families_and_order(name: str) -> None:
    size, listed = PAPER[name]
    chosen = paper_set(name)
    families = zip(("gan", "vae", "flow", "score"), listed.split("|"), strict=True)
    expected = [(family, one.replace("~", " ")) for family, models in families for one in models.split()]
    assert [(one.family, one.model) for one in chosen.models] == expected
    assert chosen.size == size
    assert {one.set for one in chosen.models} == {name}


@pytest.mark.parametrize("one", ALL, ids=NAMES)
def test_a_model_says_its_licence_and_who_states_it(one: Published) -> None:
    assert one.licence.startswith("code: ")
    assert one.sources
    for place in (one.code, *one.sources, *filter(None, [one.weights, one.samples])):
        assert place.startswith(("https://", "http://")), place
        assert place == place.strip()
    assert ("weights: " in one.licence) == bool(one.weights)
    assert one.place == "none found" or one.weights
    if one.diffusers:
        assert one.weights == f"https://huggingface.co/{one.diffusers}"
        assert one.weights in one.sources


def parsed(line: str) -> dict[str, Any]:
    application = typer.Typer()
    application.command()(sample)
    words = shlex.split(line)
    assert words[:3] == ["manifpt", "zoo", "sample"]
    context: dict[str, Any] = typer.main.get_command(application).make_context("sample", words[3:]).params
    return context


@pytest.mark.parametrize("one", ALL, ids=NAMES)
def test_the_last_command_puts_images_where_building_a_set_looks_for_them(one: Published) -> None:
    last = one.commands[-1]
    assert f"collected/{one.folder}" in last
    for line in one.commands:
        if not line.startswith("manifpt"):
            continue
        given = parsed(line)
        assert (given["name"], given["family"], str(given["out"])) == (one.name, one.family, f"collected/{one.folder}")
        assert given["count"] == 1500
        (source,) = given["sources"]
        if one.diffusers:
            assert source == f"diffusers:{one.diffusers}"
        else:
            assert place_of_images(source) == "SAMPLES"
        assert label(source) != ""


@pytest.mark.parametrize("one", ALL, ids=NAMES)
def test_commands_are_sound_for_a_shell_and_do_not_leave_their_folder(one: Published) -> None:
    for line in one.commands:
        subprocess.run(["bash", "-n", "-c", line], check=True, capture_output=True)
        assert not line.startswith("cd ")
    cloned = [line for line in one.commands if line.startswith("git clone")]
    assert cloned in ([], [f"git clone {one.code}"])
    inside = [line for line in one.commands if line.startswith("(cd ")]
    for line in inside:
        assert line.split()[1].split("/")[0] == one.code.rsplit("/", 1)[1]


def test_the_command_for_cifar10_writes_a_folder_for_each_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = tmp_path / "datasets.py"
    stub.write_text(
        "from PIL import Image\n"
        "def load_dataset(name):\n"
        "    assert name == 'uoft-cs/cifar10'\n"
        "    row = {'img': Image.new('RGB', (32, 32), (1, 2, 3)), 'label': 0}\n"
        "    return {'train': [row, row], 'test': [row]}\n"
    )
    (line,) = paper_set("GM-CIFAR10").commands
    words = shlex.split(line)
    assert words[0] == "python"
    subprocess.run([sys.executable, *words[1:]], cwd=tmp_path, check=True)
    written = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png"))
    assert written == ["reals/test/00000.png", "reals/train/00000.png", "reals/train/00001.png"]
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / written[0]))[0, 0], [1, 2, 3])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("β-VAE", "beta-vae"),
        ("β-VAE", "Beta VAE"),
        ("β-VAE", "BETAVAE"),
        ("VQ-GAN", "vqgan"),
        ("Residual Flow", "residual_flow"),
        ("NCSN++", "ncsnpp"),
    ],
)
def test_names_that_differ_in_case_hyphens_or_alphabet_mean_one_model(one: str, other: str) -> None:
    assert folded(one) == folded(other)


def test_no_two_models_of_a_set_have_one_name_and_names_are_plain() -> None:
    for chosen in paper_sets():
        assert len({folded(one.model) for one in chosen.models}) == len(chosen.models)
    for one in ALL:
        assert slug(one.name) == one.name
        assert one.name.isascii()
        assert set(one.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_unknown_names_suggest_the_nearest() -> None:
    assert is_paper_set("gm-celeba")
    assert not is_paper_set("gm-cifar10-zoo")
    with pytest.raises(UnknownNameError, match=r"'GM-CIFAR' is not one of the paper's sets; .*did you mean GM-CIFAR10"):
        paper_set("GM-CIFAR")
    with pytest.raises(UnknownNameError, match=r"'stylegan4' is not one of the models of GM-CHQ; .*stylegan3"):
        paper_set("GM-CHQ").model("stylegan4")


def test_the_page_has_a_section_for_every_model() -> None:
    page = (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8")
    for one in ALL:
        assert f"### {one.model} ({one.set})" in page
