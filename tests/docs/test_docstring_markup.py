"""Docstrings become reStructuredText that says the same."""

from __future__ import annotations

from docstring_markup import as_restructured


def test_headings_become_rubrics():
    assert as_restructured(["## Version History", "v0: first."]) == [".. rubric:: Version History", "", "v0: first."]


def test_a_list_of_arguments_becomes_a_section_of_arguments():
    lines = ["## Arguments", "task: a name,", "    or a mapping.", "", "More of it."]
    assert as_restructured(lines) == ["Args:", "    task: a name,", "        or a mapping.", "", "More of it."]


def test_an_indented_block_after_a_sentence_is_code():
    lines = ["A callback.", "", "    x = a | b", "    y = x_", "", "It | ends."]
    assert as_restructured(lines) == [
        "A callback.",
        "",
        ".. code-block:: python",
        "",
        "    x = a | b",
        "    y = x_",
        "",
        r"It \| ends.",
    ]


def test_signs_of_prose_stand_for_themselves_and_quoted_ones_stay():
    assert as_restructured(["|e| and lambda_, `a|b_`, *args"]) == [r"\|e\| and lambda\_, `a|b_`, \*args"]
