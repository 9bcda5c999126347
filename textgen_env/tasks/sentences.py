"""Distinct sentences, drawn one by one."""

from __future__ import annotations

from collections.abc import Callable

Sentence = tuple[str, ...]


def distinct_sentences(draw: Callable[[], Sentence], wanted: int, max_length: int, sizes: str) -> list[Sentence]:
    """The first `wanted` distinct sentences of less than `max_length` words, in the order drawn.

    Args:
        draw: gives another sentence each time, as its words.
        wanted: how many.
        max_length: the horizon that they and an end token must fit into.
        sizes: the arguments that `wanted` is the sum of, as an error names them: "train_size + test_size".

    Raises:
        ValueError: too few in 20,000 + 10 * wanted draws, saying what would have been enough.
    """
    most_draws = 20_000 + 10 * wanted
    # Those that do not fit are kept too, so that the error can name the least `max_length` that would have done.
    drawn: dict[Sentence, None] = {}
    fitting = 0
    for _ in range(most_draws):
        sentence = draw()
        if sentence not in drawn:
            drawn[sentence] = None
            fitting += len(sentence) < max_length
            if fitting == wanted:
                return [s for s in drawn if len(s) < max_length]
    if len(drawn) < wanted:
        raise ValueError(
            f"{sizes} = {wanted} distinct sentences were not found in {most_draws} draws from the "
            f"grammar, only {len(drawn)}; ask for fewer"
        )
    least = sorted(map(len, drawn))[wanted - 1] + 1
    raise ValueError(
        f"max_length={max_length} is too short: {fitting} distinct sentences fit, and {sizes} "
        f"= {wanted} are needed; max_length must be at least {least}, or the sizes smaller"
    )
