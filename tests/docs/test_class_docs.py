"""Docstrings are taken apart into what the pages show."""

from __future__ import annotations

import pytest

from class_docs import arguments_table, class_doc, defaults, linked, markdown
from textgen_env.specs import REWARDS, TASKS


class Told:
    """Told of two costs, $1 and $2.

    More of it.

    ## Data
    Lines [0, 1] of `a[0]`.

    Args:
        first, second: numbers,
            or none.
        third: a | b.

    Raises:
        ValueError: never.
    """

    def __init__(self, first: int, second: int = 2, third: str = "x") -> None:
        pass


def test_the_parts_of_a_docstring():
    doc = class_doc(Told)
    assert doc.summary == "Told of two costs, \\$1 and \\$2.\n\nMore of it."
    assert doc.sections == {"Data": "Lines \\[0, 1\\] of `a[0]`."}
    assert doc.arguments == {"first, second": "numbers, or none.", "third": "a | b."}


def test_defaults_and_their_table():
    assert defaults(Told) == {"first": "required", "second": "2", "third": "'x'"}
    assert "| `first`, `second` | `required`, `2` | numbers, or none. |" in arguments_table(Told)
    assert "a \\| b." in arguments_table(Told)


def test_code_stays_as_it_is():
    assert markdown("a*b `c*d`") == "a\\*b `c*d`"


def test_names_that_have_a_page_are_links():
    assert linked("see `ppo`, `a2c` and `x`", ["ppo", "a2c"], "a2c") == "see [`ppo`](ppo.md), `a2c` and `x`"


@pytest.mark.parametrize("registry", [TASKS, REWARDS], ids=["tasks", "rewards"])
def test_every_argument_of_every_registered_class_is_described(registry):
    for name in registry:
        cls = registry.load(name)
        if not isinstance(cls, type) or not cls.__doc__:
            continue
        described = {each for names in class_doc(cls).arguments for each in names.split(", ")}
        assert set(defaults(cls)) - {"args", "kwargs"} <= described, name
