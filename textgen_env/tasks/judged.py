"""Texts read by one of two judges, whom the writer cannot tell apart: a reward that differs between them is noisy."""

from __future__ import annotations

import numpy as np

from textgen_env.checks import MOST_TOKENS, check_at_least
from textgen_env.tasks.base import BaseTask, SourceTable
from textgen_env.tasks.tiny import tiny_vocabulary
from textgen_env.vocabulary import Vocabulary

JUDGES = 2


class JudgedTask(BaseTask):
    """A few letters and an end token (id 0), read by one of two judges.

    The judge is the text's source: `reset` draws row 0 or 1 of the source table from the row's own generator. Both rows
    show the same token, "?", so that no agent knows who reads: what one judge pays more than the other is noise to it.
    A reward that takes `sources` sees the rows: "goal" pays its noise by them. There are no data.

    Args:
        vocab_size: V, the end token included.
        max_length: T.

    Raises:
        TypeError, ValueError: a size that is no whole number, or below 1.
    """

    def __init__(self, vocab_size: int = 4, max_length: int = 5) -> None:
        self.vocabulary = tiny_vocabulary(check_at_least("vocab_size", vocab_size, most=MOST_TOKENS))
        self.max_length = check_at_least("max_length", max_length)
        self.sources = SourceTable(Vocabulary(["?"]), np.zeros((JUDGES, 1), np.int64), np.arange(JUDGES))
