"""Speeches: sentences like those of a president's speeches."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from textgen_env.checks import check_choice
from textgen_env.corpora.reading import read_texts
from textgen_env.data.folders import data_path
from textgen_env.tasks.corpus import CorpusTask
from textgen_env.tokenization.sentences import sentences_of

Unit = Literal["sentence", "paragraph"]


class SpeechesTask(CorpusTask):
    """Sentences like those of President Obama's speeches.

    ## Description
    "It is that promise that has always set this country apart.": the sentences of 50 speeches, 2004 to 2016, words and
    punctuation marks as tokens, 4 to 30 of them. The SeqGAN paper (Yu et al., 2017, section 5) trains on 11,092
    paragraphs of such speeches, without a word on their length or vocabulary; these are about 12,000 sentences, so
    that a text is as long as its other texts are. `<eos>` is id 0, `<unk>`, for rare words, id 1.

    ## Data
    The named data "speeches" (`python -m textgen_env.data list`), looked for on this machine and never downloaded by
    `make`. A paragraph is cut into sentences after ".", "!" or "?" where a capital letter or a digit follows. Repeated
    sentences are left out, and those longer than T: about half of the sentences have more than 20 tokens, a quarter
    more than 30. `test_size` of the others, drawn by `seed`, are kept for measuring.

    Args:
        max_length: the horizon T in tokens, the end token included.
        min_count: how often a token must stand in the training texts to be in the vocabulary; `<unk>` is written for
            others, some 4% of the words.
        unit: what a text is: "sentence", or a whole "paragraph".
        too_long: "drop" to leave longer texts out, "cut" to keep their first T tokens, without an end.
        tokenization: as in `corpus`.
        test_size: texts that are kept for measuring, or their share.
        seed: of their choice.

    Attributes:
        report: what became of the texts.

    Raises:
        TypeError, ValueError: an argument that is not allowed, or of which no text is left.
        textgen_env.data.folders.MissingData: the data are not on this machine; the error says how to get them.
        textgen_env.files.UnreadableFile: a file that is not what it should be.
    """

    def __init__(
        self,
        max_length: int = 30,
        min_count: int = 3,
        unit: Unit = "sentence",
        too_long: Literal["drop", "cut"] = "drop",
        tokenization: str | Mapping[str, Any] = "word",
        test_size: float = 1_000,
        seed: int = 0,
    ) -> None:
        check_choice("unit", unit, ("sentence", "paragraph"))
        texts = _texts(str(data_path("speeches")), unit)
        super().__init__(
            texts=texts,
            max_length=max_length,
            min_count=min_count,
            too_long=too_long,
            tokenization=tokenization,
            test_size=test_size,
            seed=seed,
        )
        self.unit = unit


@lru_cache(maxsize=2)
def _texts(path: str, unit: Unit) -> tuple[str, ...]:
    paragraphs = read_texts(path)
    if unit == "paragraph":
        return tuple(paragraphs)
    return tuple(sentence for paragraph in paragraphs for sentence in sentences_of(paragraph))
