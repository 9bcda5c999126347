"""Pictures of committed results: one form of each, and every one that a page shows is there."""

from __future__ import annotations

import re
from collections import Counter

from support.results_page import RESULTS

PICTURES = (".svg", ".png")
LARGEST = 600_000


def test_no_folder_of_results_holds_two_forms_of_one_picture() -> None:
    pictures = [path for path in RESULTS.glob("*/*") if path.suffix in PICTURES]
    assert len(pictures) > 50
    twice = [str(path) for path, count in Counter(path.with_suffix("") for path in pictures).items() if count > 1]
    assert twice == [], "keep the SVG"


def test_pictures_are_small() -> None:
    large = {path.name: path.stat().st_size for path in RESULTS.glob("*/*") if path.suffix in PICTURES}
    assert {name: size for name, size in large.items() if size > LARGEST} == {}


def test_links_between_results_lead_somewhere() -> None:
    links = 0
    for page in RESULTS.rglob("*.md"):
        for target in re.findall(r"\]\(([^)\s:#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)
            links += 1
    assert links > 0
