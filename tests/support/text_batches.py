"""Masks of batches of texts: a game's rule that forbids one token, and the masks that a batch computes."""

from __future__ import annotations

import numpy as np

from agents.data.text_batch import AllowedTokens, TextBatch


def forbids(token: int, vocab_size: int) -> AllowedTokens:
    """The rule of a game in which a token may never be written."""
    return lambda tokens, lengths: np.tile(np.arange(vocab_size) != token, (len(tokens), 1))


def masks_of(batch: TextBatch, vocab_size: int) -> np.ndarray:
    """(M, T, V) bool, which tokens were allowed at each token."""
    return np.concatenate([masks for _, masks in batch.masks(vocab_size)])
