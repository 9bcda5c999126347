"""Measurement of one agent at several temperatures: of its texts the quality, and how varied they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from agents.decoding.decode import decode
from agents.decoding.forcing import log_probs_at
from agents.decoding.next_tokens import NextTokens
from benchmarks.evaluation.evaluator import texts_to_test_on
from benchmarks.measures.measured import Decoding, FloatArray, IntArray, Measured, NoLikelihood
from benchmarks.measures.measures import RETURN, estimates
from benchmarks.policies.finished import FinishedAgent
from textgen_env import Task, Texts, text_game
from textgen_env.models.torch_settings import usual_torch
from textgen_env.solve import TextMDP

TEMPERATURES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0)
# Texts whose likelihood is taken together, and probabilities of them.
TEXTS_AT_ONCE = 512
CHANCES_AT_ONCE = 2**22


@dataclass(frozen=True)
class Plane:
    """Plane that curves are drawn in.

    Attributes:
        name: in files.
        quality, diversity: names of the measures.
    """

    name: str
    quality: str
    diversity: str


def planes(order: int) -> tuple[Plane, ...]:
    """The planes of Caccia et al. (2020), with BLEU of this order, and one for tasks whose texts answer to a source:
    the return, against the test NLL. A task has those whose measures apply to it."""
    return (
        Plane("nll", "nll_oracle", "nll_test"),
        Plane("bleu", f"bleu_{order}", f"self_bleu_{order}"),
        Plane("return", RETURN, "nll_test"),
    )


class AtTemperature:
    """Policy of an agent at a temperature: pi(x_t | x_<t)^(1/T), shared out anew among the tokens that the game
    allows."""

    def __init__(self, next_tokens: NextTokens, temperature: float) -> None:
        self.next_tokens, self.temperature = next_tokens, temperature

    @usual_torch()
    @torch.inference_mode()
    def log_prob(self, texts: Texts, task: Task) -> FloatArray:
        """log p (N,) of whole texts, in nats."""
        tokens = torch.from_numpy(texts.tokens).to(self.next_tokens.device)
        sources = None if task.sources is None or texts.sources is None else task.sources.tokens[texts.sources]
        size = max(1, min(TEXTS_AT_ONCE, CHANCES_AT_ONCE // self.next_tokens.vocab_size))
        parts = []
        for begun in range(0, len(tokens), size):
            some = slice(begun, begun + size)
            given = None if sources is None else sources[some]
            parts.append(log_probs_at(self.next_tokens, tokens[some], given, [self.temperature])[0].cpu().numpy())
        return np.concatenate(parts)

    def policy(self, mdp: TextMDP) -> FloatArray:
        """Not known: no measure of a sweep asks for it."""
        raise NoLikelihood("a sweep solves no game")

    def decoded(self, envs: Any, method: Decoding, n: int, sources: IntArray | None, width: int) -> Texts:
        """Not known, likewise."""
        raise NoLikelihood("a sweep draws its texts at the temperature")


def swept(
    finished: FinishedAgent, temperatures: Sequence[float], texts: int, order: int, seed: int
) -> list[Mapping[str, float]]:
    """For each temperature the measures of `planes` that apply, by name; the return only of tasks with sources, whose
    texts no BLEU against all texts measures.

    Args:
        finished: the agent.
        temperatures: in the order of the curve.
        texts: that are drawn at each, and test texts at most.
        order: of BLEU.
        seed: of what is drawn; the same numbers at every temperature.

    Raises:
        ValueError, FloatingPointError: an agent that cannot be measured.
    """
    game = text_game(finished.env)
    task = game.task
    held_out = texts_to_test_on(task, texts, finished.kept_back)
    names = dict.fromkeys(name for plane in planes(order) for name in (plane.quality, plane.diversity))
    sources = None
    if task.sources is not None:
        pool = task.sources.pool if held_out is None or held_out.sources is None else held_out.sources
        sources = np.random.default_rng([seed, finished.seed]).choice(pool, texts)
    drawn = int(np.random.SeedSequence([seed, finished.seed]).generate_state(1)[0])
    found: list[Mapping[str, float]] = []
    for temperature in temperatures:
        generator = torch.Generator().manual_seed(drawn)
        written = decode(
            finished.agent, finished.env, texts, "sample", sources=sources, temperature=temperature, generator=generator
        ).texts
        policy = AtTemperature(finished.next_tokens, temperature)
        measured = Measured(policy, written, task, held_out, finished.env)
        known, _ = estimates([name for name in names if name != RETURN], measured)
        values = {name: each.value for name, each in known.items()}
        if task.sources is not None:
            values.pop(f"self_bleu_{order}", None)
            values[RETURN] = float(np.mean(game.score(*written)))
        found.append(values)
    return found
