"""Default rewards: every registered id with the reward that it comes with, beside CartPole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from gymnasium import make, make_vec

from benchmarks.throughput.bench import Bench, Missing, Work
from benchmarks.throughput.cases.discriminator import forward_flops, large_product
from benchmarks.throughput.cases.environments import CARTPOLE, SINGLE_STEPS, STEP, episodes, steps
from benchmarks.throughput.clock import Call
from benchmarks.throughput.measured import BenchmarkRow, Curve
from textgen_env.environments import TABLE, EnvRow
from textgen_env.game import TextGame, text_game
from textgen_env.models.language_model import LanguageModel
from textgen_env.rewards.discriminator import DiscriminatorReward
from textgen_env.rewards.likelihood import HasLanguageModel, LikelihoodReward
from textgen_env.tasks.captions import CaptionsTask
from textgen_env.vocabulary import IntArray

LEARNING_STEPS = 16 * SINGLE_STEPS
"""Steps of a call where a reward learns: it does so in rounds, of which a call is to have several."""
OWN_TEXTS = 1_000
"""Captions that stand for texts of a user's own."""
PASSES = 3
"""Of an update: forward, and backward for the weights and for what they read."""
LARGE_PRODUCT = 2_048


def defaults(bench: Bench) -> Iterator[BenchmarkRow | Curve]:
    """A step of each id, of one text and of many, with tokens drawn uniformly beforehand."""
    for row in TABLE:
        name = "default-" + row.id.removeprefix("TextGen-").lower()
        try:
            env = make(row.id, **_own_texts(row))
        except (ImportError, FileNotFoundError) as error:
            for each in (name, f"{name}-rows"):
                yield bench.row(each, f"{row.id}, not measured", STEP, Missing("TextGenEnv", _in_a_line(error)))
            continue
        yield _single(bench, name, row, env)
        yield _many(bench, f"{name}-rows", row, text_game(env))


def _own_texts(row: EnvRow) -> dict[str, Any]:
    """Arguments of an id that needs a user's own texts: captions."""
    if not row.needs:
        return {}
    task = CaptionsTask(train_size=OWN_TEXTS)
    texts = [task.vocabulary.text_of(text) for text in task.training_sequences().tokens.tolist()]
    return {"texts": texts} if row.task == "corpus" else {"pairs": [(text, text) for text in texts]}


def _single(bench: Bench, name: str, row: EnvRow, env: Any) -> BenchmarkRow:
    rng = np.random.default_rng(0)
    game = text_game(env)
    learns = isinstance(game.reward, DiscriminatorReward)
    count = LEARNING_STEPS if learns else SINGLE_STEPS
    tokens = list(rng.integers(len(game.task.vocabulary), size=count))
    pushes = list(rng.integers(2, size=SINGLE_STEPS))
    return bench.row(
        name,
        f"{_described(row, game)}: one text through gym.make",
        STEP,
        Work("TextGenEnv", episodes(env, tokens), count),
        Work("CartPole", episodes(make(CARTPOLE), pushes), SINGLE_STEPS),
        _learning_floor(game, _ends(env, tokens) / count) if learns else None,
    )


def _many(bench: Bench, name: str, row: EnvRow, game: TextGame) -> BenchmarkRow:
    rows, length = bench.sizes.rows, game.task.max_length
    rng = np.random.default_rng(0)
    tokens = rng.integers(len(game.task.vocabulary), size=(length, rows))
    pushes = rng.integers(2, size=(bench.sizes.length, rows))
    envs = make_vec(row.id, num_envs=rows, vectorization_mode="vector_entry_point", task=game.task)
    cartpole = make_vec(CARTPOLE, num_envs=rows, vectorization_mode="vector_entry_point")
    return bench.row(
        name,
        f"{_described(row, game)}: {rows:,} rows through gym.make_vec",
        STEP,
        Work("TextGenVectorEnv", steps(envs, tokens), tokens.size),
        Work("CartPole", steps(cartpole, pushes), pushes.size),
        _floor(bench, game, envs, tokens),
    )


def _described(row: EnvRow, game: TextGame) -> str:
    sizes = f"V={len(game.task.vocabulary):,}, T={game.task.max_length}"
    own = f", of {OWN_TEXTS:,} captions" if row.needs else ""
    return f"{row.id}{own}, {game.reward.name}, {game.reward_mode}, {sizes}"


def _floor(bench: Bench, game: TextGame, envs: Any, tokens: IntArray) -> Work | None:
    """The matrix products that the reward of a step of many rows cannot do without; None where it has none."""
    if isinstance(game.reward, DiscriminatorReward):
        envs.reset(seed=0)
        ended = sum(int(envs.step(each)[2].sum()) for each in tokens)
        return _learning_floor(game, ended / tokens.size)
    if game.reward.name == LikelihoodReward.name and isinstance(game.task, HasLanguageModel):
        return Work("its products", step_products(game.task.language_model, bench.sizes.rows), bench.sizes.rows)
    return None


def step_products(model: LanguageModel, rows: int) -> Call:
    """The products of one step of a model with `rows` rows: gates from the embedding and the state, and logits, as many
    rows at a time as the model takes, into memory that is there already."""
    generator = torch.Generator().manual_seed(0)
    shapes = [tuple(weight.shape) for weight in (*model.rnn.all_weights[0][:2], model.output.weight)]
    works = []
    for out, size in shapes:
        at_once = min(rows, max(1, 2**20 // out))
        left = torch.randn(rows, size, generator=generator)
        works.append((left.split(at_once), torch.randn(out, size, generator=generator).T, torch.empty(at_once, out)))  # type: ignore[no-untyped-call]

    def multiply() -> None:
        with torch.no_grad():
            for parts, matrix, into in works:
                for part in parts:
                    torch.mm(part, matrix, out=into[: len(part)])

    return multiply


def _learning_floor(game: TextGame, ended: float) -> Work:
    """The arithmetic of scoring and of updates, at the speed of a large product.

    Args:
        game: whose reward is a discriminator.
        ended: texts that end in a step, on average.
    """
    reward = game.reward
    assert isinstance(reward, DiscriminatorReward)
    length = game.task.max_length
    forward = forward_flops(reward.config.filters(length), reward.config.embedding_size, length)
    updated = PASSES * reward.steps * reward.batch_size / reward.update_every
    product, flops = large_product(LARGE_PRODUCT)
    return Work("its FLOP in a large product", product, flops / (forward * (1 + updated) * ended))


def _ends(env: Any, tokens: list[Any]) -> int:
    """The number of texts that end as the tokens are written one after another."""
    env.reset(seed=0)
    ends = 0
    for token in tokens:
        if env.step(token)[2]:
            ends += 1
            env.reset()
    return ends


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())
