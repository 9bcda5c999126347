"""Edit distance of texts to their references."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen_env.kernels import kernels
from textgen_env.metrics.ngrams import FloatArray, checked_texts
from textgen_env.vocabulary import IntArray


def edit_distance(
    tokens: NDArray[Any],
    lengths: NDArray[Any],
    reference_tokens: NDArray[Any],
    reference_lengths: NDArray[Any],
) -> IntArray:
    """The fewest insertions, deletions and substitutions of tokens that turn each text into its reference.

    Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals" (1966).

    Args:
        tokens: (N, T) integers, left aligned.
        lengths: (N,) integers in 0 .. T, the tokens that count.
        reference_tokens: (N, R) integers, one reference for each text.
        reference_lengths: (N,) integers in 0 .. R.

    Returns:
        (N,) int64.

    Raises:
        TypeError: an array that is not of integers.
        ValueError: wrong shapes, another number of references than texts, a length out of range, or a negative id.
    """
    tokens, lengths = checked_texts(tokens, lengths)
    try:
        reference_tokens, reference_lengths = checked_texts(reference_tokens, reference_lengths)
    except (TypeError, ValueError) as error:
        raise type(error)(f"references: {error}") from None
    if len(reference_tokens) != len(tokens):
        raise ValueError(
            f"reference_tokens has {len(reference_tokens)} rows, expected {len(tokens)}: one reference for each text"
        )
    compiled = kernels("edit")
    if compiled is None:
        return prefix_recursion(tokens, lengths, reference_tokens, reference_lengths)
    arrays = (tokens, lengths, reference_tokens, reference_lengths)
    distances: IntArray = compiled.edit_distances(*map(np.ascontiguousarray, arrays))
    return distances


def prefix_recursion(
    tokens: IntArray, lengths: IntArray, reference_tokens: IntArray, reference_lengths: IntArray
) -> IntArray:
    """`edit_distance` by the recursion of Wagner and Fischer, "The string-to-string correction problem" (1974), all
    texts (N, T), (N,) and references (N, R), (N,) at once: (N,)."""
    count, width = reference_tokens.shape
    # Row t: the distances of the first t tokens of each text to each prefix of its reference.
    row = np.broadcast_to(np.arange(width + 1), (count, width + 1))
    distances = row[np.arange(count), reference_lengths]
    for t in range(int(lengths.max(initial=0))):
        row = next_row(row, tokens[:, t], reference_tokens)
        ended = lengths == t + 1
        distances[ended] = row[ended, reference_lengths[ended]]
    return distances


def next_row(row: NDArray[Any], tokens: NDArray[Any], reference_tokens: NDArray[Any]) -> NDArray[Any]:
    """The next row of the table of Wagner and Fischer: the distances of each text, one token longer, to every prefix of
    its reference.

    Args:
        row: (..., R + 1) integers, the distances of the texts before.
        tokens: (...) integers, the token that each text goes on with.
        reference_tokens: (..., R) integers; what follows a reference counts towards longer prefixes alone.

    Returns:
        (..., R + 1), of the type of `row`.
    """
    column = np.arange(row.shape[-1], dtype=row.dtype)
    reached = np.empty_like(row)
    reached[..., 0] = row[..., 0] + 1
    np.minimum(row[..., 1:] + 1, row[..., :-1] + (reference_tokens != tokens[..., None]), out=reached[..., 1:])
    # Insertions run along the row: d_j = min over k <= j of d_k + (j - k).
    following: NDArray[Any] = np.minimum.accumulate(reached - column, axis=-1) + column
    return following


def word_error_rate(
    tokens: NDArray[Any],
    lengths: NDArray[Any],
    reference_tokens: NDArray[Any],
    reference_lengths: NDArray[Any],
) -> FloatArray:
    """Edits for each token of the reference: `edit_distance` / reference length, (N,) float64 >= 0; above 1 where the
    text is much longer than its reference. Against an empty reference it is the number of tokens written.

    Arguments and errors are those of `edit_distance`. The rate of a whole corpus is the sum of the distances divided by
    the sum of the reference lengths, which is not the mean of these.
    """
    distances = edit_distance(tokens, lengths, reference_tokens, reference_lengths)
    rates: FloatArray = distances / np.maximum(reference_lengths, 1)
    return rates
