"""Piano rolls on the page: of texts that are notes, and of no others."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.report.document import Sample
from benchmarks.report.html import _samples
from benchmarks.report.piano_roll import KEY, LEAST_KEYS, STEP, roll_svg


def bars(text: str) -> list[tuple[str, float, float, float]]:
    """Name, left, top and width of each bar."""
    svg = ElementTree.fromstring(roll_svg(text))
    width, height = map(float, svg.attrib["viewBox"].split()[2:])
    found = []
    for rect in svg:
        left, top, wide = (float(rect.attrib[name]) for name in ("x", "y", "width"))
        assert 0 <= left <= left + wide <= width
        assert 0 <= top <= top + KEY <= height
        found.append((rect[0].text or "", left, top, wide))
    return found


def test_a_bar_a_note() -> None:
    first, second, third = bars("C4 C4 D4 C4")
    assert (first[0], first[1], first[3]) == ("C4", 0, 2 * STEP - 1)
    assert (second[0], second[1], second[3]) == ("D4", 2 * STEP, STEP - 1)
    assert third[2] == first[2] == second[2] + 2 * KEY


@pytest.mark.parametrize("text", ["A0 C8", "C4", "A0", "C8", "G#5 A5 G#5"])
def test_every_bar_lies_in_its_picture(text: str) -> None:
    assert len(bars(text)) == len(text.split())
    height = ElementTree.fromstring(roll_svg(text)).attrib["viewBox"].split()[3]
    assert int(height) >= LEAST_KEYS * KEY


@pytest.mark.parametrize("text", ["", "a man is", "C4 man", "<script>", "12 7 3", "C4, D4"])
def test_other_texts_have_none(text: str) -> None:
    assert roll_svg(text) == ""


def test_the_page_shows_it_above_the_notes() -> None:
    document: Any = SimpleNamespace(samples=(Sample("MLE", 0, ("C4 D4", "a man")),))
    shown = _samples(document)
    assert shown.count("<svg") == 1
    assert f"<li>{roll_svg('C4 D4')}C4 D4</li><li>a man</li>" in shown
