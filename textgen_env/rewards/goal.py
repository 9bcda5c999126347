"""A hidden text to be found: a reward each of whose knobs makes learning hard in one way."""

from __future__ import annotations

from copy import copy
from typing import Self

import numpy as np

from textgen_env.checks import check_at_least, check_number
from textgen_env.rewards.base import BaseReward, FloatArray
from textgen_env.rewards.noise import RandomReward
from textgen_env.tasks.base import Sources, Task
from textgen_env.vocabulary import IntArray

DECOY = 0.75
"""Worth of a decoy; the goal's is 1."""


class GoalReward(BaseReward):
    """Share of a hidden goal that a text writes, in [0, 1] but for noise; the goal itself earns 1. No unit.

    The goal is a text g of T letters (no end token), drawn from `seed`. As the arguments stand by default a text earns
    the share of the T places at which its token is the goal's, paid at its end: score(x) = (1 / T) sum_t 1[x_t = g_t].
    Each argument makes this hard in one way, and leaves the optimum at 1, the goal; the task's own sizes, `max_length`
    and `vocab_size`, are two further knobs. After bsuite (Osband et al., "Behaviour suite for reinforcement learning",
    2020), whose experiments also vary one thing each.

    Args:
        sparsity: k, matches that are paid at once: of m matches k floor(m / k), and all where all match. 1 pays each; T
            pays nothing but the goal.
        modes: texts that attract: the goal, and `modes` - 1 decoys, which have another letter than it at every place
            and earn 3/4 themselves: score(x) = max(share of the goal, 3/4 of the share of a decoy).
        bait: makes the first token a fork: unless it is the goal's, the text earns `bait`, whatever follows; if it is,
            the share of the other T - 1 places. A bait looks better than the path until so many of those are found.
            None: no fork.
        noise: standard deviation of what is added to a text's score: `noise` by one judge of the task "judged", and
            - `noise` by the other, who is drawn by the row's own generator and not shown. Which of the two adds it is a
            function of text and `seed`, so that texts with the same judge, as in a group of GRPO, are not all paid the
            same noise. Over the judges its mean is 0 for every text.
        seed: of the goal, the decoys and the noise.

    Raises:
        TypeError, ValueError: an argument that is not allowed.
    """

    name = "goal"

    def __init__(
        self, sparsity: int = 1, modes: int = 1, bait: float | None = None, noise: float = 0.0, seed: int = 0
    ) -> None:
        self.sparsity = check_at_least("sparsity", sparsity)
        self.modes = check_at_least("modes", modes)
        if bait is not None:
            check_number("bait", bait, most=1)
        self.bait = bait
        check_number("noise", noise)
        self.noise = float(noise)
        self.seed = check_at_least("seed", seed, least=0)
        self._goals: IntArray = np.zeros((0, 0), np.int64)

    @property
    def goals(self) -> IntArray:
        """The goal and then the decoys, (modes, T) int64, of a bound reward; a copy."""
        return self._goals.copy()

    def bind(self, task: Task) -> Self:
        """A copy that has drawn its goal for the task's letters and horizon.

        Raises:
            ValueError: a task without letters; more decoys than there are texts; a `sparsity` beyond the places that
                are paid, or a bait where there are none; noise without judges.
        """
        letters = np.setdiff1d(np.arange(len(task.vocabulary)), [task.vocabulary.eos_id])
        self._check_fits(task, len(letters))
        rng = np.random.default_rng(self.seed)
        goal = rng.integers(len(letters), size=task.max_length)
        drawn = {tuple(goal.tolist()): goal}
        while len(drawn) < self.modes:
            decoy = (goal + rng.integers(1, len(letters), size=task.max_length)) % len(letters)
            drawn.setdefault(tuple(decoy.tolist()), decoy)
        bound = copy(self)
        bound._goals = letters[np.stack(list(drawn.values()))]
        return bound

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """The scores (N,) of texts (N, T), (N,).

        Raises:
            RuntimeError: the reward is not bound to a task.
            ValueError: noise, and no `sources`.
        """
        if not len(self._goals):
            raise RuntimeError("GoalReward is not bound: it has no goal yet; use reward.bind(task), as an env does")
        written = np.arange(tokens.shape[1]) < lengths[:, None]
        right = (tokens[:, None] == self._goals) & written[:, None]  # (N, modes, T)
        forks = int(self.bait is not None)
        matches = right[:, :, forks:].sum(2)
        places = tokens.shape[1] - forks
        paid = np.where(matches == places, places, matches // self.sparsity * self.sparsity)
        worth = np.full(self.modes, DECOY)
        worth[0] = 1.0
        scores: FloatArray = (paid / places * worth).max(1)
        if self.bait is not None:
            scores = np.where(right[:, 0, 0], scores, self.bait)
        if self.noise:
            if sources is None:
                raise ValueError(f"reward 'goal': noise={self.noise} is by judges, and sources=None names none")
            liked = RandomReward(self.seed).score(tokens, lengths) < 0.5
            scores += np.where(liked == (sources.indices % 2 == 0), self.noise, -self.noise)
        return scores

    def _check_fits(self, task: Task, letters: int) -> None:
        horizon = task.max_length
        if letters < 1:
            raise ValueError("reward 'goal': the task has no token but the end token; make vocab_size at least 2")
        places = horizon - (self.bait is not None)
        if places < 1:
            raise ValueError(
                f"reward 'goal': bait={self.bait} needs a second token; make max_length={horizon} at least 2"
            )
        if self.sparsity > places:
            raise ValueError(
                f"reward 'goal': sparsity={self.sparsity} must be at most {places}, the places that are paid with "
                f"max_length={horizon} and bait={self.bait}"
            )
        texts = 1 + max(letters - 1, 0) ** horizon
        if self.modes > texts:
            raise ValueError(
                f"reward 'goal': modes={self.modes} must be at most {texts}: decoys differ from the goal at every "
                "place; make vocab_size or max_length larger"
            )
        if self.noise and (task.sources is None or len(task.sources.tokens) % 2):
            raise ValueError(
                f"reward 'goal': noise={self.noise} is paid by judges; give a task with an even number of sources: "
                "task='judged'"
            )
