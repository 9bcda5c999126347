"""Base of rewards that learn from the texts an agent writes, and from real ones."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from textgen_env.checks import check_at_least, check_bool, check_number, check_room
from textgen_env.models.device import checked_device
from textgen_env.models.learner import TextLearner
from textgen_env.models.sampling import seeded_generator
from textgen_env.models.text_cnn import TextCNNConfig
from textgen_env.models.torch_settings import usual_torch
from textgen_env.rewards.base import BaseReward
from textgen_env.tasks.base import Sources, Task
from textgen_env.text_checks import checked_texts
from textgen_env.vocabulary import IntArray, Texts

Learner = TypeVar("Learner", bound=TextLearner)


@dataclass(kw_only=True, eq=False)
class LearnedReward(BaseReward, Generic[Learner]):
    """Base of rewards that learn: texts gathered as they end, and updates of a learner on them.

    A subclass names itself, makes its learner in `_new_learner` and defines `score`.

    Args:
        auto_update: False leaves learning to calls of `update`.
        update_every: finished episodes between two rounds of updates.
        steps: updates in a round.
        batch_size: texts in an update, even: half of them written, half real.
        learning_rate: of Adam.
        embedding_size, widths, counts, dropout: the network's sizes, see `TextCNNConfig`.
        seed: of the initial weights, the batches and the dropout.
        device: where the network runs.

    Raises:
        TypeError, ValueError: an argument that is not allowed.
    """

    auto_update: bool = True
    update_every: int = 64
    steps: int = 4
    batch_size: int = 64
    learning_rate: float = 1e-3
    embedding_size: int = TextCNNConfig.embedding_size
    widths: Sequence[int] = TextCNNConfig.widths
    counts: Sequence[int] = TextCNNConfig.counts
    dropout: float = TextCNNConfig.dropout
    seed: int = 0
    device: str = "cpu"

    @usual_torch()
    def __post_init__(self) -> None:
        check_bool("auto_update", self.auto_update)
        for name, least in (("update_every", 1), ("steps", 1), ("batch_size", 2), ("seed", 0)):
            setattr(self, name, check_at_least(name, getattr(self, name), least))
        # The texts of a round are drawn at once.
        check_room(f"steps={self.steps}, batch_size={self.batch_size}", self.steps, self.batch_size)
        if self.batch_size % 2:
            raise ValueError(f"batch_size={self.batch_size!r} must be even: half of the texts are real")
        check_number("learning_rate", self.learning_rate, above=0)
        self.device = checked_device("device", self.device)
        self.config = TextCNNConfig(self.embedding_size, self.widths, self.counts, self.dropout)
        self.last_update: dict[str, float] = {}
        self._task: Task | None = None
        self._learner: Learner | None = None
        self._fresh = torch.empty((0, 0), dtype=torch.int64)
        # Texts told one by one since, which are yet to be put behind those.
        self._told: list[IntArray] = []

    def _new_learner(self, vocab_size: int, max_length: int, real: IntArray, generator: torch.Generator) -> Learner:
        """The learner, untrained.

        Args:
            vocab_size, max_length: V, T.
            real: (M, T) int64 real texts.
            generator: on the CPU; draws the initial weights, and then whatever the learner draws.
        """
        raise NotImplementedError(f"{type(self).__name__} must define _new_learner(vocab_size, max_length, ...)")

    @usual_torch()
    def bind(self, task: Task) -> Self:
        """A new reward with a network of its own, untrained. What has been bound is bound to the same texts as itself:
        environments that are given it share one network, which learns from the texts of all of them.

        Raises:
            ValueError: a task with sources, or without training data; a reward that is bound to other texts.
        """
        if task.sources is not None:
            raise ValueError(
                f"the {self.name} reads the text alone, without the source that it answers to; for a task with "
                "sources choose reward='bleu', or a reward of your own"
            )
        real = task.training_sequences()
        real_tokens, _ = checked_texts(real.tokens, real.lengths, task)
        if not len(real_tokens):
            raise ValueError(f"{type(task).__name__}.training_sequences() is empty; the {self.name} needs real texts")
        if self._task is not None:
            self._check_same_texts(task, real_tokens)
            return self
        bound = copy.copy(self)
        bound.last_update = {}
        bound._task = task
        generator = seeded_generator(self.seed)
        bound._learner = self._new_learner(len(task.vocabulary), task.max_length, real_tokens, generator)
        bound._fresh = torch.empty((0, task.max_length), dtype=torch.int64)
        bound._told = []
        return bound

    @property
    def learner(self) -> Learner:
        """The learner of a bound reward."""
        if self._learner is None:
            raise self._unbound()
        return self._learner

    @usual_torch()
    def episodes_ended(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> None:
        """Gathers the texts, in row order; learns from each `update_every` of them. Nothing if not `auto_update`.

        Raises:
            FloatingPointError: see `update`; nothing is gathered and nothing learned then.
        """
        if not self.auto_update:
            return
        fresh = torch.cat([self._gathered(), torch.from_numpy(self._checked(tokens, lengths))])
        rounds, left = divmod(len(fresh), self.update_every)
        if rounds:
            batches = fresh[: len(fresh) - left].view(rounds, self.update_every, -1)
            self.last_update = self.learner.update_on_each(list(batches), self.steps)[-1]
        self._fresh, self._told = fresh[len(fresh) - left :], []

    def episode_ended(self, text: IntArray) -> bool:
        """`episodes_ended` of one text (T,) int64 of the task, blank after its end, where that does no more than gather
        it; False, and nothing is changed, where it does."""
        if not self.auto_update:
            return True
        if len(self._fresh) + len(self._told) + 1 >= self.update_every:
            return False
        self._told.append(text.copy())
        return True

    def _gathered(self) -> Tensor:
        """The texts gathered so far, (K, T) int64."""
        if not self._told:
            return self._fresh
        return torch.cat([self._fresh, torch.from_numpy(np.stack(self._told))])

    @usual_torch()
    def update(
        self,
        tokens: Texts | ArrayLike,
        lengths: ArrayLike | None = None,
        sources: Sources | None = None,
        steps: int | None = None,
    ) -> dict[str, float]:
        """Takes updates on written texts against as many real ones.

        Args:
            tokens: the texts; or their ids (N, T).
            lengths: (N,), or None: up to the first end token or blank.
            sources: not used, as there are none.
            steps: how many updates; the reward's if None.

        Returns:
            "loss" in nats a text, and "accuracy" in [0, 1], as the learner's `losses` has them; both are means over
            the batches, each measured before its update and under dropout.

        Raises:
            ValueError: no texts, wrong shapes, or token ids out of range.
            FloatingPointError: the loss is not finite; the weights are left as before.
        """
        ids, counts = (tokens.tokens, tokens.lengths) if isinstance(tokens, Texts) else (tokens, lengths)
        written = self._checked(ids, counts)
        if not len(written):
            raise ValueError(f"tokens: got no texts; the {self.name} learns from at least one")
        taken = self.steps if steps is None else check_at_least("steps", steps)
        self.last_update = self.learner.update(torch.from_numpy(written), taken)
        return self.last_update

    @usual_torch()
    def state_dict(self) -> dict[str, Tensor]:
        """A copy of all that learning changes: weights, optimiser, generator and the texts gathered so far.

        Plain tensors on the CPU: `safetensors.torch.save_file(reward.state_dict(), path)`, or `torch.save` with
        `torch.load(path, weights_only=True)`.
        """
        return {**self.learner.state_dict(), "fresh": self._gathered().clone()}

    @usual_torch()
    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Goes on, bit for bit, from where the reward was that returned `state`.

        Raises:
            ValueError: entries missing or unknown, of other shapes or types (a network of other sizes, another
                task), or not finite. Nothing is changed then.
        """
        expected = self.state_dict()
        if state.keys() != expected.keys():
            raise ValueError(
                f"state: missing entries {sorted(expected.keys() - state.keys())}, "
                f"unknown entries {sorted(state.keys() - expected.keys())}; load what state_dict() returned"
            )
        for name, tensor in expected.items():
            _check_entry(name, state[name], tensor, any_length=name == "fresh")
        self.learner.check_state(state)
        fresh = torch.from_numpy(self._checked(state["fresh"].numpy(), None))
        self.learner.load_state_dict(state)
        self._fresh, self._told = fresh, []

    def _checked(self, tokens: ArrayLike, lengths: ArrayLike | None) -> IntArray:
        """The texts (N, T) int64, blank after their end."""
        if self._task is None:
            raise self._unbound()
        return checked_texts(tokens, lengths, self._task)[0]

    def _check_same_texts(self, task: Task, real: IntArray) -> None:
        """Refuses another task than that whose texts the learner knows."""
        known = self.learner.real
        if self._task is task or (
            self._task is not None
            and task.vocabulary.tokens == self._task.vocabulary.tokens
            and task.vocabulary.eos_id == self._task.vocabulary.eos_id
            and torch.equal(known, torch.from_numpy(real))
        ):
            return
        raise ValueError(
            f"reward={self!r} is bound to another task, whose {len(known)} real texts it learns to tell from written "
            "ones. Give this environment that task, task=envs.unwrapped.task, or a reward of its own, "
            f"reward={self.name!r}"
        )

    def _unbound(self) -> RuntimeError:
        return RuntimeError(f"this {self.name} has no task yet; call bind(task) and use the reward it returns")


def _check_entry(name: str, got: Tensor, expected: Tensor, any_length: bool) -> None:
    if not isinstance(got, Tensor) or got.dtype != expected.dtype:
        found = got.dtype if isinstance(got, Tensor) else type(got).__name__
        raise ValueError(f"state: entry {name!r} is {found}, expected {expected.dtype}")
    if got.shape != (got.shape[:1] + expected.shape[1:] if any_length else expected.shape):
        raise ValueError(
            f"state: entry {name!r} has shape {tuple(got.shape)}, expected {tuple(expected.shape)}; "
            "load it into a reward of the same task and the same sizes"
        )
    if got.is_floating_point() and not got.isfinite().all():
        raise ValueError(f"state: entry {name!r} is not finite")
