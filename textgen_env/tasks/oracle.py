"""Sequences of a known distribution: a random LSTM, the oracle of the SeqGAN experiment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from os import PathLike, fspath
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from textgen_env.archives import opened_archive
from textgen_env.checks import MOST_TOKENS, check_at_least, check_room
from textgen_env.files import DamagedFile, UnreadableFile, named_by
from textgen_env.metrics.divergence import Estimate, monte_carlo_mean
from textgen_env.models.device import checked_device
from textgen_env.models.language_model import LanguageModel
from textgen_env.models.sampling import seeded_generator
from textgen_env.models.torch_settings import usual_torch
from textgen_env.tasks.base import BaseTask
from textgen_env.text_checks import checked_texts
from textgen_env.vocabulary import IntArray, Texts, Vocabulary

# The file's gates in torch's order: input, forget, candidate, output.
GATES = ("i", "f", "c", "og")
TEXTS_AT_ONCE = 1_000
NUMBERS = "floating-point numbers, within float32's range"
NO_ORACLE = "give the path of an .npz with the oracle's parameters, as OracleTask describes it"


class Array(Protocol):
    """An array, or what a file says of one."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...


class OracleTask(BaseTask):
    """Texts of T tokens of an LSTM whose parameters are drawn from N(0, 1) (Yu et al. 2017, "SeqGAN", section 5.1).

    It has embedding and hidden size 32, one bias, a zero initial state, and the embedding of token 0 as its first
    input. Every text has full length; there is no end token.

    Args:
        vocab_size: V.
        max_length: T.
        seed: of the parameters and the data.
        oracle: an `.npz` file with the oracle's parameters, in place of drawn ones: `embeddings (V, E)`,
            `Wi Ui bi`, `Wf Uf bf`, `Wog Uog bog`, `Wc Uc bc`, `Wo (H, V)`, `bo (V,)`. V is the file's; `vocab_size`
            is ignored then, unless it is given and differs.
        train_size, test_size: sequences drawn from the oracle.
        device: where the oracle is, such as "cuda"; its random numbers are drawn on the CPU all the same.

    Raises:
        ValueError, TypeError: a size below 1; a file that holds no oracle.
        FileNotFoundError: no such file.
    """

    @usual_torch()
    def __init__(
        self,
        vocab_size: int | None = None,
        max_length: int = 20,
        seed: int = 0,
        oracle: str | PathLike[str] | None = None,
        train_size: int = 10_000,
        test_size: int = 10_000,
        device: str = "cpu",
    ) -> None:
        self.max_length = check_at_least("max_length", max_length)
        self.seed = check_at_least("seed", seed, least=0)
        self.train_size = check_at_least("train_size", train_size)
        self.test_size = check_at_least("test_size", test_size)
        check_room(f"train_size={self.train_size}, max_length={self.max_length}", self.train_size, self.max_length)
        check_room(f"test_size={self.test_size}, max_length={self.max_length}", self.test_size, self.max_length)
        if oracle is None:
            size = check_at_least("vocab_size", 5_000 if vocab_size is None else vocab_size, most=MOST_TOKENS)
            self.language_model = random_oracle(size, self.seed)
        else:
            self.language_model = load_oracle(oracle)
            size = self.language_model.vocab_size
            if vocab_size is not None and vocab_size != size:
                raise ValueError(
                    f"vocab_size={vocab_size!r}, but the oracle {fspath(oracle)!r} has {size} tokens; leave it out, or "
                    "give None"
                )
        self.device = torch.device(checked_device("device", device))
        self.language_model.to(self.device)
        self.vocabulary = Vocabulary.numbered(size)

    def training_sequences(self) -> Texts:
        """`train_size` sequences drawn from the oracle."""
        return self._training.copy()

    def test_sequences(self) -> Texts:
        """`test_size` further sequences drawn from the oracle."""
        return self._test.copy()

    @usual_torch()
    @torch.no_grad()
    def log_prob(self, tokens: IntArray, lengths: IntArray) -> NDArray[np.float64]:
        """log p of whole texts under the oracle (N,), in nats.

        Raises:
            TypeError, ValueError: arrays that are no texts of this task.
        """
        checked = checked_texts(tokens, lengths, self)
        ids, counts = (torch.from_numpy(array).to(self.device) for array in checked)
        scores: NDArray[np.float64] = self.language_model.log_probs(ids, counts).double().sum(1).cpu().numpy()
        return scores

    @property
    def entropy(self) -> float:
        """The oracle's own entropy in nats a token, the NLL of a perfect imitation: the mean over the test data of the
        entropy of each token given those before it. It varies less from text to text than -log p of the tokens does,
        with the same mean."""
        return self._entropy.value

    @property
    def entropy_error(self) -> float:
        """The standard error of `entropy`, nats a token, over the texts of the test data."""
        return self._entropy.error

    @cached_property
    def _entropy(self) -> Estimate:
        return monte_carlo_mean(self.conditional_entropies(self._test.tokens, self._test.lengths))

    @usual_torch()
    def conditional_entropies(self, tokens: IntArray, lengths: IntArray) -> NDArray[np.float64]:
        """The mean over a text's positions of H(p(. | x_<t)), (N,) in nats a token, of whole texts (N, T), (N,).

        Raises:
            TypeError, ValueError: arrays that are no texts of this task.
        """
        tokens, lengths = checked_texts(tokens, lengths, self)
        means = np.empty(len(tokens))
        for begun in range(0, len(tokens), TEXTS_AT_ONCE):
            rows = slice(begun, begun + TEXTS_AT_ONCE)
            ids, counts = (torch.from_numpy(array[rows]).to(self.device) for array in (tokens, lengths))
            means[rows] = (self.language_model.entropies(ids, counts).sum(1) / counts).cpu().numpy()
        return means

    @usual_torch()
    def greedy_sequence(self) -> IntArray:
        """The text (T,) that takes the likeliest token each time."""
        inputs, state = self.language_model.start(1), self.language_model.initial_state(1)
        chosen = []
        with torch.no_grad():
            for _ in range(self.max_length):
                logits, state = self.language_model.step(inputs, state)
                inputs = logits.argmax(-1)
                chosen.append(int(inputs))
        return np.array(chosen, np.int64)

    @cached_property
    def _training(self) -> Texts:
        return self._drawn(self.train_size, split=0)

    @cached_property
    def _test(self) -> Texts:
        return self._drawn(self.test_size, split=1)

    @usual_torch()
    def _drawn(self, count: int, split: int) -> Texts:
        generator = seeded_generator(self.seed, split)
        tokens, lengths = self.language_model.sample(count, self.max_length, generator)
        return Texts(tokens.cpu().numpy(), lengths.cpu().numpy())


def random_oracle(vocab_size: int, seed: int, size: int = 32) -> LanguageModel:
    """An LSTM with embedding and hidden size `size` and all parameters drawn from N(0, 1)."""
    rng = np.random.default_rng(seed)
    return oracle_from_arrays(
        {name: rng.standard_normal(shape, np.float32) for name, shape in _shapes(vocab_size, size, size).items()}
    )


def load_oracle(path: str | PathLike[str]) -> LanguageModel:
    """The oracle in an `.npz` file; see `OracleTask` for the arrays.

    Raises:
        TypeError: no path.
        FileNotFoundError: no such file.
        ValueError: not such a file, truncated, arrays missing, of wrong shapes or types, or not finite.
    """
    if not isinstance(path, str | PathLike):
        raise TypeError(f"oracle={path!r} must be the path of an .npz file, got {type(path).__name__}")
    name = fspath(path)
    try:
        with named_by("oracle", NO_ORACLE), opened_archive(name, _shapes(1, 1, 1)) as archive:
            # Before memory is taken.
            with _told(name):
                _checked_sizes(archive.declared, archive.names)
            arrays = {key: archive.read(key) for key in archive.declared}
            with _told(name):
                return oracle_from_arrays(arrays)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"oracle={name!r}: no such file; give the path of an .npz with the oracle's parameters"
        ) from None


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Within it, arrays that do not fit are the file's fault."""
    try:
        yield
    except UnreadableFile:
        raise
    except ValueError as error:
        raise DamagedFile(path, f"holds no oracle: {error}") from None


def oracle_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> LanguageModel:
    """The language model with these parameters; gates are act(x @ W + h @ U + b).

    Raises:
        ValueError: arrays missing, of wrong shapes or types, or not finite.
    """
    vocab_size, embedding_size, hidden_size = _checked_sizes(arrays, arrays)
    for key in _shapes(vocab_size, embedding_size, hidden_size):
        if not (np.abs(arrays[key]) <= np.finfo(np.float32).max).all():
            raise ValueError(f"array {key!r} must hold finite {NUMBERS}")
    embeddings = arrays["embeddings"]
    model = LanguageModel(vocab_size, embedding_size, hidden_size, "lstm", start_id=0)
    stacked = {
        "embedding.weight": embeddings,
        "rnn.weight_ih_l0": np.concatenate([arrays[f"W{gate}"].T for gate in GATES]),
        "rnn.weight_hh_l0": np.concatenate([arrays[f"U{gate}"].T for gate in GATES]),
        "rnn.bias_ih_l0": np.concatenate([arrays[f"b{gate}"] for gate in GATES]),
        "rnn.bias_hh_l0": np.zeros(4 * hidden_size),
        "output.weight": arrays["Wo"].T,
        "output.bias": arrays["bo"],
    }
    model.load_state_dict({key: torch.from_numpy(np.ascontiguousarray(a, np.float32)) for key, a in stacked.items()})
    return model.requires_grad_(False).eval()


def _checked_sizes(arrays: Mapping[str, Array], names: Iterable[str]) -> tuple[int, int, int]:
    """V, E and H of an oracle's arrays, or of what a file says of them.

    Raises:
        ValueError: arrays missing, or of wrong shapes or types.
    """
    embeddings, recurrent = arrays.get("embeddings"), arrays.get("Ui")
    if embeddings is None or recurrent is None or {len(embeddings.shape), len(recurrent.shape)} != {2}:
        raise ValueError(f"needs the matrices embeddings (V, E) and Ui (H, H) among others; it has {sorted(names)}")
    (vocab_size, embedding_size), (hidden_size, _) = embeddings.shape, recurrent.shape
    sizes = vocab_size, embedding_size, hidden_size
    for key, shape in _shapes(*sizes).items():
        if key not in arrays:
            raise ValueError(f"array {key!r} is missing; it has {sorted(names)}")
        array = arrays[key]
        if array.shape != shape or 0 in shape:
            raise ValueError(f"array {key!r} has shape {array.shape}, expected {shape}, none of them 0")
        if array.dtype.kind != "f":
            raise ValueError(f"array {key!r} must hold finite {NUMBERS}")
    return sizes


def _shapes(vocab_size: int, embedding_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"embeddings": (vocab_size, embedding_size)}
    for gate in GATES:
        shapes[f"W{gate}"] = (embedding_size, hidden_size)
        shapes[f"U{gate}"] = (hidden_size, hidden_size)
        shapes[f"b{gate}"] = (hidden_size,)
    return shapes | {"Wo": (hidden_size, vocab_size), "bo": (vocab_size,)}
