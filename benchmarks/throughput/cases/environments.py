"""Environments: steps of one text, of a thousand, of many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gymnasium
import numpy as np

from benchmarks.throughput.bench import Bench, Work
from benchmarks.throughput.cases.bare import BareVectorEnv, bare_spec
from benchmarks.throughput.clock import Call
from benchmarks.throughput.measured import BenchmarkRow, Curve, Unit
from benchmarks.throughput.sizes import grown
from textgen_env.rewards.bleu import BleuReward
from textgen_env.vocabulary import IntArray

STEP = Unit("rate", "steps")
SINGLE_STEPS = 400
CARTPOLE = "CartPole-v1"
MODES = {"same-step": "SameStep", "next-step": "NextStep"}
GROWING_ROWS = 256


def constant(tokens: IntArray, lengths: IntArray, sources: object = None) -> Any:
    """1 for every text, whatever it says."""
    return np.ones(len(tokens))


def single_env(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """One text at a time, actions drawn beforehand."""
    size = bench.sizes
    rng = np.random.default_rng(0)
    ours = gymnasium.make("TextGen-Oracle-v0", vocab_size=size.vocab_size, max_length=size.length, **terminal())
    bare = gymnasium.make(bare_spec(size.vocab_size, size.length))
    tokens = list(rng.integers(size.vocab_size, size=SINGLE_STEPS))
    pushes = list(rng.integers(2, size=SINGLE_STEPS))
    yield bench.row(
        "single-env",
        f"one env through gym.make, V={size.vocab_size:,}, T={size.length}, constant reward",
        STEP,
        Work("TextGenEnv", episodes(ours, tokens), SINGLE_STEPS),
        Work("CartPole", episodes(gymnasium.make(CARTPOLE), pushes), SINGLE_STEPS),
        Work("bare token env", episodes(bare, tokens), SINGLE_STEPS),
    )


def vector_env(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """A batch of texts, in both autoreset modes."""
    for name, mode in MODES.items():
        yield _vector_row(bench, f"vector-env-{name}", bench.sizes.rows, mode)


def wide(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """As many rows as one will ever want."""
    yield _vector_row(bench, "wide", bench.sizes.wide_rows, MODES["same-step"])


def vector_bleu(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """The BLEU reward's price, where texts match little and where they match much."""
    size = bench.sizes
    for kind, texts in (("uniform", bench.uniform_texts), ("oracle", bench.oracle_texts[: size.rows])):
        rewards = {"BLEU": {"reward": BleuReward(), "reward_mode": "terminal"}, "constant reward": terminal()}
        works = []
        for name, reward in rewards.items():
            envs = gymnasium.make_vec(
                "TextGen-Oracle-v0",
                num_envs=size.rows,
                vectorization_mode="vector_entry_point",
                autoreset_mode="SameStep",
                task=bench.oracle,
                **reward,
            )
            works.append(Work(name, steps(envs, texts.T.copy()), texts.size))
        yield bench.row(
            f"vector-bleu-{kind}",
            f"vector env, {size.rows:,} rows, BLEU of {kind} texts, {size.references:,} references",
            STEP,
            works[0],
            works[1],
        )


def scaling(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """A step of the vector environment against its rows and against the length of the texts."""
    size = bench.sizes

    def text(rows: int, length: int) -> Call:
        actions = np.random.default_rng(0).integers(size.vocab_size, size=(length, rows))
        return steps(_ours(rows, size.vocab_size, length, "SameStep"), actions)

    rows = grown(min(64, size.wide_rows), size.wide_rows, points=6)
    lengths = grown(min(20, size.longest), size.longest)
    per_text: Callable[[int], float] = lambda _: size.length  # noqa: E731
    yield bench.curve("vector-rows", "vector env step", "rows", rows, lambda n: text(n, size.length), per_text)
    yield bench.curve(
        "vector-tokens", "vector env step", "tokens", lengths, lambda t: text(GROWING_ROWS, t), lambda t: t
    )


def terminal() -> dict[str, Any]:
    """The constant reward, paid at the end of a text."""
    return {"reward": constant, "reward_mode": "terminal"}


def episodes(env: Any, actions: Sequence[Any]) -> Call:
    """Takes the actions one after another; a new episode wherever one ends."""

    def play() -> None:
        env.reset()
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()

    env.reset(seed=0)
    return play


def steps(envs: Any, actions: Any) -> Call:
    """Takes the actions (K, N), going on from where the last call ended."""
    envs.reset(seed=0)
    rounds = list(actions)

    def play() -> None:
        for each in rounds:
            envs.step(each)

    return play


def _vector_row(bench: Bench, name: str, rows: int, mode: str) -> BenchmarkRow:
    size = bench.sizes
    rng = np.random.default_rng(0)
    tokens = rng.integers(size.vocab_size, size=(size.length, rows))
    pushes = rng.integers(2, size=(size.length, rows))
    bare = BareVectorEnv(size.vocab_size, size.length, rows)
    cartpole = gymnasium.make_vec(CARTPOLE, num_envs=rows, vectorization_mode="vector_entry_point")
    return bench.row(
        name,
        f"vector env, {rows:,} rows, T={size.length}, constant reward, {mode}",
        STEP,
        Work("TextGenVectorEnv", steps(_ours(rows, size.vocab_size, size.length, mode), tokens), tokens.size),
        Work("CartPole", steps(cartpole, pushes), pushes.size),
        Work("bare token env", steps(bare, tokens), tokens.size),
    )


def _ours(rows: int, vocab_size: int, length: int, mode: str) -> Any:
    return gymnasium.make_vec(
        "TextGen-Oracle-v0",
        num_envs=rows,
        vectorization_mode="vector_entry_point",
        vocab_size=vocab_size,
        max_length=length,
        autoreset_mode=mode,
        **terminal(),
    )
