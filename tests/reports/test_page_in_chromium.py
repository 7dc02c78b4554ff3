"""A report in a real Chromium: it asks for nothing, its tables sort, and it fits on a phone and on paper."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from manifpt.reports.page import written
from manifpt.reports.runs import opened


def neighbour(name: str) -> Any:
    """Return another file of this folder; tests are imported without packages."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


browser_file, pages_file = neighbour("browser"), neighbour("test_page")
pytestmark = pytest.mark.skipif(browser_file.chromium() is None, reason="needs Chromium (apt-get install chromium)")

KINDS = pages_file.KINDS
PHONE, DESK, PAPER = 390, 1280, 688  # pixels of CSS; A4 less its margins
LEAST_CONTRAST, LARGE_CONTRAST = 4.5, 3.0

CONTRASTS = """
(() => {
  const parsed = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const [r, g, b, alpha = 1] = parsed(getComputedStyle(one).backgroundColor);
      if (alpha === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
    const [one, other] = [light(parsed(getComputedStyle(element).color).slice(0, 3)), light(behind(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    found.push([contrast, walker.currentNode.data.trim().slice(0, 40)]);
  }
  return found;
})()
"""
# What sticks out of the page, or of the box that it may be scrolled in.
CUT = """
[...document.querySelectorAll("table, img, dl, p, h1, h2, h3, svg")].filter((one) => {
  const box = one.getBoundingClientRect();
  return box.right > document.documentElement.clientWidth + 1 && !one.closest(".scroll, .wide");
}).map((one) => one.outerHTML.slice(0, 80))
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browser_file.Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("pages")
    return {kind: written(opened(make(root / kind)), root / f"{kind}.html") for kind, make in KINDS.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_it_complains_of_nothing_and_no_request_leaves_it(browser: Any, pages: dict[str, Path], kind: str) -> None:
    browser.open(pages[kind], width=DESK)
    browser.value("document.querySelector('th button')?.click()")
    assert browser.complaints() == []
    asked = [address for address in browser.requests() if not address.startswith("data:")]
    assert asked == [pages[kind].resolve().as_uri()]
    assert browser.value("document.images.length") == len(pages_file.pictures(pages[kind].read_text(encoding="utf-8")))
    assert browser.value(
        "[...document.images].every((image) => image.complete && image.naturalWidth && image.alt.trim())"
    )
    assert browser.value("window.x") is None


def test_the_policy_stops_a_script_and_a_picture_that_somebody_adds(browser: Any, pages: dict[str, Path]) -> None:
    browser.open(pages["evaluation"])
    browser.value("""new Promise((done) => {
      const script = document.createElement("script"), image = new Image();
      script.textContent = "window.x = 1";
      image.onload = image.onerror = done;
      document.body.append(script);
      image.src = "http://127.0.0.1:9/x.png";
    }).then(() => 0)""")
    assert browser.value("window.x") is None
    told = browser.complaints()
    assert len([one for one in told if "Content Security Policy" in one]) == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_it_is_no_wider_than_the_screen(browser: Any, pages: dict[str, Path], kind: str, width: int) -> None:
    browser.open(pages[kind], width=width)
    assert browser.value("document.scrollingElement.scrollWidth") <= width
    assert browser.value(CUT) == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "hostile" not in kind])
def test_text_is_told_from_what_lies_behind_it(browser: Any, pages: dict[str, Path], kind: str) -> None:
    browser.open(pages[kind])
    found = browser.value(CONTRASTS)
    assert len(found) > 50
    assert [one for one in found if one[0] < LEAST_CONTRAST] == []


def column(browser: Any, index: int) -> list[str]:
    rows = "document.querySelector('table[data-sortable]').tBodies[0].rows"
    return list(browser.value(f"[...{rows}].map((row) => row.cells[{index}].textContent.trim())"))


def heading(index: int) -> str:
    return f"document.querySelector('table[data-sortable]').tHead.rows[0].cells[{index}]"


def test_a_heading_sorts_the_rows_and_then_the_other_way_round(browser: Any, pages: dict[str, Path]) -> None:
    browser.open(pages["study"])
    assert column(browser, 0) == ["raw", "a", "b", "gone"]
    browser.value(f"{heading(0)}.querySelector('button').click()")
    assert column(browser, 0) == ["a", "b", "gone", "raw"]
    browser.value(f"{heading(0)}.querySelector('button').click()")
    assert column(browser, 0) == ["raw", "gone", "b", "a"]
    browser.value(f"{heading(1)}.querySelector('button').click()")
    assert column(browser, 0) == ["a", "raw", "b", "gone"]
    assert browser.value(f"{heading(1)}.ariaSort") == "descending"
    assert browser.value(f"{heading(0)}.ariaSort") is None
    browser.value(f"{heading(1)}.querySelector('button').click()")
    # What has no number stays at the end.
    assert column(browser, 0) == ["b", "raw", "a", "gone"]
    assert browser.value(f"{heading(1)}.ariaSort") == "ascending"


def test_the_keyboard_sorts_too(browser: Any, pages: dict[str, Path]) -> None:
    browser.open(pages["study"])
    browser.value(f"{heading(0)}.querySelector('button').focus()")
    browser.press("Enter", 13)
    assert column(browser, 0) == ["a", "b", "gone", "raw"]
    assert browser.value(f"{heading(0)}.ariaSort") == "ascending"
    browser.press("Tab", 9)
    assert browser.value(f"document.activeElement.parentElement === {heading(1)}")
    assert browser.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize("kind", KINDS)
def test_paper_cuts_no_table_and_keeps_its_colours(browser: Any, pages: dict[str, Path], kind: str) -> None:
    browser.open(pages[kind], width=PAPER)
    browser.call("Emulation.setEmulatedMedia", media="print")
    try:
        assert browser.value("document.scrollingElement.scrollWidth") <= PAPER
        sticking_out = """[...document.querySelectorAll("table, img, .card, pre")].filter((one) =>
            one.getBoundingClientRect().right > document.documentElement.clientWidth + 1).length"""
        assert browser.value(sticking_out) == 0
        styles = """[...document.querySelectorAll("tbody tr, .card, .drawn")].every((one) =>
            getComputedStyle(one).breakInside === "avoid")"""
        assert browser.value(styles)
        assert browser.value("""[...document.querySelectorAll(".scroll, .wide")].every((one) =>
            getComputedStyle(one).overflow === "visible")""")
        assert browser.value("""[...document.querySelectorAll("thead")].every((one) =>
            getComputedStyle(one).display === "table-header-group")""")
        assert browser.value("getComputedStyle(document.querySelector('.verdict')).printColorAdjust") == "exact"
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")
    pdf = browser.printed()
    sheets = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert 1 <= sheets <= (40 if "hostile" in kind else 6)
    assert set(re.findall(rb"/MediaBox \[0 0 (\d+)[.\d]* (\d+)[.\d]*\]", pdf)) <= {(b"594", b"841"), (b"595", b"842")}
