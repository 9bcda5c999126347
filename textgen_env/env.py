"""The single environment: the core as a Gymnasium `Env`, one text at a time."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils.seeding import np_random

from textgen_env.checks import check_at_least
from textgen_env.descriptions import described
from textgen_env.game import OneRowView
from textgen_env.infos import end_info, step_info
from textgen_env.one_row import OneRow
from textgen_env.rewards.base import RewardMode
from textgen_env.specs import build_core
from textgen_env.tasks.base import Task
from textgen_env.vocabulary import IntArray

Observation = IntArray | dict[str, IntArray]
RENDER_MODES = ("ansi", "human", "rgb_array")
OPTIONS = ("prefix", "source")


def observation_space(task: Task) -> spaces.Space[Any]:
    """Space of what an agent sees of one text: a Box of token ids, with a Box for the source where there is one."""
    vocab_size = len(task.vocabulary)
    tokens = spaces.Box(0, vocab_size, (task.max_length,), np.int64)
    if task.sources is None:
        return tokens
    width = task.sources.tokens.shape[1]
    return spaces.Dict(source=spaces.Box(0, len(task.sources.vocabulary), (width,), np.int64), tokens=tokens)


def checked_options(options: dict[str, Any] | None, allowed: tuple[str, ...]) -> dict[str, Any]:
    """`options` of a reset, or none.

    Raises:
        TypeError: no dict.
        ValueError: a key that is not among `allowed`.
    """
    if options is not None and not isinstance(options, dict):
        raise TypeError(f"options={options!r} must be a dict or None, got {type(options).__name__}")
    for key, value in (options or {}).items():
        if key not in allowed:
            raise ValueError(f"options[{key!r}]={value!r}: allowed are {', '.join(allowed)}")
    return dict(options or {})


def checked_render_mode(mode: str | None) -> str | None:
    """`mode` if it is one of `RENDER_MODES` or None.

    Raises:
        ValueError: another one.
    """
    if mode is not None and mode not in RENDER_MODES:
        raise ValueError(f"render_mode={mode!r} must be one of {', '.join(RENDER_MODES)}, or None")
    return mode


class TextGenEnv(OneRowView, gymnasium.Env[Observation, np.int64]):
    """A game of writing one text, token by token.

    ## Description
    An episode is one text. A task says what is written, a reward how good it is; `task` and `reward` choose any
    pair of them, and each registered id is a name for one pair.

    ## Observation Space
    Unconditional: `Box(0, V, (T,), int64)`, the prefix written so far, left aligned, blanks filled with V.
    Conditional: `Dict(source=Box(0, VS, (S,)), tokens=Box(0, V, (T,)))`.

    ## Action Space
    `Discrete(V)`: the next token, the end token among them where length varies. `action_masks()` -> (V,) bool
    says which are allowed; a masked one is refused, or with `mask_penalty` ends the text.

    ## Rewards
    `terminal`: the score of the finished text, 0 before. `dense`: each token earns the change of the prefix score,
    so that a text written from its start earns the same in all; from a given prefix, the score less the prefix's.
    Units are the reward's: nats for the likelihood, [0, 1] for BLEU and the discriminator's probability.

    ## Starting State
    The empty text; a source drawn uniformly from the task's pool. `reset(options={"prefix": ids})` starts from a
    prefix, `{"source": row}` with one source.

    ## Episode Termination
    The end token, or T tokens. Never truncated. The last step's `info` has `text` (a string), `tokens`
    (T,), `length`, `stop` ("eos", "length" or "masked") and `reward_terms`. For a conditional task every `info` has
    `source_row`.

    ## Arguments
    task, reward: as `textgen_env.specs` says: a name, a mapping of a name and arguments, an import path, or an object;
        a reward may be a function `f(tokens, lengths)` or `f(tokens, lengths, sources)` from (N, T), (N,) to (N,).
    reward_mode: "terminal", "dense", or None for the reward's default.
    min_length: tokens to write before the end token is allowed.
    mask_penalty: for agents that know no masks: a masked token is written and ends the text, and this much is taken off
        what the text earns, in its reward's unit. None refuses it with an error.
    render_mode: "ansi", "human" or "rgb_array".

    Further keyword arguments are the task's; `textgen_env.describe(id)` lists them.

    ## Version History
    v0: first release.
    """

    metadata = {"render_modes": list(RENDER_MODES), "render_fps": 4}  # noqa: RUF012, Gymnasium's declaration

    def __init__(
        self,
        task: str | Task,
        reward: Any,
        reward_mode: RewardMode | None = None,
        min_length: int = 0,
        render_mode: str | None = None,
        mask_penalty: float | None = None,
        **arguments: Any,
    ) -> None:
        self.render_mode = checked_render_mode(render_mode)
        self.core = build_core(task, reward, 1, reward_mode, min_length, mask_penalty, arguments)
        self._row = OneRow(self.core)
        self.action_space = spaces.Discrete(self.core.vocab_size)
        self.observation_space = observation_space(self.core.task)
        self.__doc__ = described(type(self), self.core)

    @property
    def np_random(self) -> np.random.Generator:
        """The random generator; seeded from the operating system if no reset gave a seed."""
        if not self.core.generators.made(0):
            self.core.generators[0], self._np_random_seed = np_random()
        return self.core.generators[0]

    @np_random.setter
    def np_random(self, generator: np.random.Generator) -> None:
        self.core.generators[0], self._np_random_seed = generator, -1

    @property
    def np_random_seed(self) -> int:
        """The latest seed; -1 for a generator that was set."""
        if self._np_random_seed is None:
            _ = self.np_random
        return -1 if self._np_random_seed is None else self._np_random_seed

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begins a text; see the class for the options.

        Raises:
            ValueError, TypeError: options that are not allowed; nothing is changed then.
            ValueError, TypeError: a seed that is no whole number >= 0.
        """
        chosen = checked_options(options, OPTIONS)
        seed = None if seed is None else check_at_least("seed", seed, least=0)
        self._row.reset(chosen, seed)
        if seed is not None:
            self._np_random, self._np_random_seed = self.core.generators[0], int(seed)
        if self.render_mode == "human":
            self.render()
        return self.core.observed(self.core.tokens[0].copy(), 0), step_info(self.core, 0)

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Writes one token.

        Raises:
            gymnasium.error.InvalidAction: no token id, or a masked one without `mask_penalty`; nothing is changed then.
            gymnasium.error.ResetNeeded: before `reset`, or after the end.
        """
        tokens, reward, finished = self._row.step(action)
        if self.render_mode == "human":
            self.render()
        info = step_info(self.core, 0) if finished is None else end_info(finished, self.task.vocabulary)
        return self.core.observed(tokens, 0), reward, finished is not None, False, info

    def render(self) -> Any:
        """The text so far, the last token's reward and the total: a string ("ansi"), printed ("human"), or an
        image (H, W, 3) uint8 ("rgb_array")."""
        from textgen_env.rendering.frames import render_row

        if self.render_mode is None:
            gymnasium.logger.warn('render() needs a render mode: gym.make(id, render_mode="ansi")')
            return None
        return render_row(self.core, 0, self.render_mode)
