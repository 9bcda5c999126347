import itertools
from collections.abc import Callable

import pytest

from textgen_env.tasks.sentences import Sentence, distinct_sentences


def drawing(*sentences: str) -> Callable[[], Sentence]:
    """Draws these in turn, without end."""
    return map(tuple, map(str.split, itertools.cycle(sentences))).__next__


def test_the_first_distinct_sentences_that_fit_are_taken_in_order() -> None:
    draw = drawing("a b", "a b c d", "a", "a b", "c", "d")
    assert distinct_sentences(draw, 3, 4, "size") == [("a", "b"), ("a",), ("c",)]


def test_too_few_sentences_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"a \+ b = 3 distinct sentences were not found in 20030 draws.*only 2; ask for fewer"
    ):
        distinct_sentences(drawing("a", "b"), 3, 4, "a + b")


def test_a_horizon_too_short_is_refused_with_what_would_do() -> None:
    with pytest.raises(ValueError, match=r"max_length=3 is too short: 1 distinct.*size = 2.*at least 4, or the sizes"):
        distinct_sentences(drawing("a b", "a b c", "a b c d"), 2, 3, "size")
