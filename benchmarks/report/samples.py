"""Texts of a run's agent, to read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agents.decoding.decode import METHODS, decode
from benchmarks.policies.kept_run import kept_run
from textgen_env import text_game
from textgen_env.checks import check_at_least, check_choice
from textgen_env.plain_text import plain_text


def shown_samples(
    folder: Path, n: int, method: Any, seed: int, settings: Mapping[str, Any], trust: bool = False
) -> list[str]:
    """Lines of columns, parted by tabs, under their names: log p in nats, the environment's score, the source of a
    conditional task, and the text.

    Args:
        folder: of a finished run.
        n: texts; of the beam of a task without sources the best ones, at most its width.
        method: of `agents.decoding.decode.METHODS`.
        seed: of the sources and of what is drawn.
        settings: of `decode`.
        trust: whether import paths in the run's settings are followed.

    Raises:
        FileNotFoundError: no agent there.
        ValueError, TypeError: a damaged folder, import paths without `trust`, an agent that has no likelihoods, or
            settings that are not allowed.
    """
    check_choice("decode", method, METHODS)
    check_at_least("n", n)
    check_at_least("seed", seed, least=0)
    run = kept_run(folder, trust)
    env, agent = run.environment(run.training_place), run.agent
    run.pays_as_learned(env, run.training_place)
    game = text_game(env)
    table = game.task.sources
    rows = None if table is None else np.random.default_rng(seed).choice(table.pool, n)
    best = table is None and method == "beam"
    found = decode(
        agent,
        env,
        1 if best else n,
        method,
        sources=rows,
        k_best=min(n, settings["width"]) if best else 1,
        generator=torch.Generator().manual_seed(seed) if method == "sample" else None,
        **settings,
    )
    scores = game.score(*found.texts)
    lines = ["\t".join(["log_prob", "score", *([] if table is None else ["source"]), "text"])]
    for at, tokens in enumerate(found.texts.tokens):
        shown = [f"{found.log_probs[at]:.4f}", f"{scores[at]:.4g}"]
        if table is not None and found.texts.sources is not None:
            source = table.tokens[found.texts.sources[at]]
            shown.append(_line(table.vocabulary.decode(source)))
        lines.append("\t".join([*shown, _line(game.task.vocabulary.decode(tokens))]))
    return lines


def _line(text: str) -> str:
    return plain_text(text).replace("\n", "\\n").replace("\t", "\\t")
