"""Unigram language model: scores of pieces that are the same whenever they are learned."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

ROUNDS = 4
"""Of counting and scoring anew; the counts hardly change after the second."""


def with_counted_scores(tokenizer: Any, texts: Iterable[str], special: int) -> str:
    """A trained unigram tokenizer, as JSON, with its pieces sorted and their scores counted anew.

    The library sums in an order that differs from run to run, so that its scores differ in the fourth decimal, and with
    them the order of the pieces, which is that of their ids. Here a piece's score is the logarithm of its share of the
    most probable segmentation of the texts, which is whole numbers: hard expectation maximisation (Viterbi training),
    begun with the segmentation of fewest pieces.

    Args:
        tokenizer: of the library `tokenizers`, with a model `Unigram`.
        texts: that it was trained on.
        special: how many tokens at its beginning are no pieces; they stay where they are.
    """
    content = json.loads(tokenizer.to_str())
    vocabulary = content["model"]["vocab"]
    pieces = sorted(piece for piece, _ in vocabulary[special:])
    heads = [piece for piece, _ in vocabulary[:special]]
    words: Counter[str] = Counter()
    for text in texts:
        words.update(tokenizer.normalizer.normalize_str(text).split(" "))
    given = [word for word in words if word]
    scores = dict.fromkeys(pieces, -10.0)
    for _ in range(ROUNDS):
        content["model"]["vocab"] = [[piece, 0.0] for piece in heads] + [[piece, scores[piece]] for piece in pieces]
        counts = Counter(dict.fromkeys(pieces, 0.0))
        for word, found in zip(given, _made(tokenizer, content).encode_batch(given), strict=True):
            for piece in found.tokens:
                if piece in scores:
                    counts[piece] += words[word]
        total = math.log(sum(counts.values()) + 0.5 * len(pieces))
        # Half a count each: a piece that is nowhere used may be needed for another text.
        scores = {piece: math.log(counts[piece] + 0.5) - total for piece in pieces}
    content["model"]["vocab"] = [[piece, 0.0] for piece in heads] + [[piece, scores[piece]] for piece in pieces]
    return str(_made(tokenizer, content).to_str())


def _made(tokenizer: Any, content: dict[str, Any]) -> Any:
    return type(tokenizer).from_str(json.dumps(content, ensure_ascii=False))
