"""Texts of a run's agent, shown as they are written: they grow on a terminal token by token, with what each earns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, cast

import numpy as np
import torch
from rich.console import Console
from rich.live import Live
from rich.text import Text

from agents.decoding.decode import METHODS, Method, decode
from benchmarks.policies.kept_run import kept_run
from benchmarks.report.terminal import say
from textgen_env import text_game
from textgen_env.checks import check_at_least, check_choice, check_number
from textgen_env.plain_text import print_text
from textgen_env.rendering.frames import render_row

UNTAUGHT = "the reward learns as the agent writes, and what it learned was not kept: a fresh one pays here"


@dataclass(frozen=True)
class Pace:
    """Pace of what is watched.

    Attributes:
        n: texts.
        method: of decoding: "greedy", "beam" or "sample".
        speed: tokens a second; 0: at once.
        source: row of the task's sources, for every text; None: drawn anew for each.
        seed: of what is drawn.
    """

    n: int = 3
    method: Method = "sample"
    speed: float = 6.0
    source: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_at_least("--n", self.n)
        check_choice("--decode", self.method, METHODS)
        check_number("--speed", self.speed)
        check_at_least("--seed", self.seed, least=0)


def watch(
    folder: Path, pace: Pace, console: Console, trust: bool = False, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Shows texts of a finished agent. On a terminal each grows; elsewhere each is printed when it is whole.

    Args:
        folder: of a finished run.
        pace: how many, how fast, of what.
        console: to show them on.
        trust: whether import paths in the run's settings are followed.
        sleep: waits so many seconds.

    Raises:
        FileNotFoundError: no agent there.
        ValueError, TypeError: a damaged folder, import paths without `trust`, an agent without likelihoods, a source
            that there is not.
    """
    run = kept_run(folder, trust)
    env = run.environment(run.training_place)
    game: Any = env.unwrapped
    rows = _rows(game, pace)
    generator = torch.Generator().manual_seed(pace.seed) if pace.method == "sample" else None
    texts = decode(run.agent, env, pace.n, pace.method, sources=rows, generator=generator).texts
    if not run.pays_as_learned(env, run.training_place):
        say(UNTAUGHT, "yellow", console)
    grows = console.is_terminal and console.encoding.lower().startswith("utf")
    with game.evaluating():
        for number in range(pace.n):
            if number:
                console.print()
            options = {} if rows is None else {"source": int(rows[number])}
            env.reset(seed=pace.seed, options=options)
            with _shown(game, console, grows) as show:
                rewards, info = [], {}
                for token in texts.tokens[number, : texts.lengths[number]]:
                    if grows and pace.speed:
                        sleep(1 / pace.speed)
                    _, reward, _, _, info = env.step(int(token))
                    rewards.append(float(reward))
                    show()
            for line in _paid(rewards, info):
                print_text(line, cast(TextIO, console.file))


@contextmanager
def _shown(game: Any, console: Console, grows: bool) -> Iterator[Callable[[], None]]:
    """Hands out what shows the text so far: in place where it grows; else at the end alone."""
    if not grows:
        yield lambda: None
        print_text(render_row(game.core, 0, "ansi"), cast(TextIO, console.file))
        return
    with Live(_frame(game), console=console, auto_refresh=False, vertical_overflow="visible") as live:
        yield lambda: live.update(_frame(game), refresh=True)


def _frame(game: Any) -> Text:
    return Text(render_row(game.core, 0, "ansi"))


def _paid(rewards: list[float], info: dict[str, Any]) -> list[str]:
    """Earnings of each token, where more than one did; the parts of the reward, where there are several."""
    lines = []
    if sum(reward != 0 for reward in rewards) > 1:
        lines.append("by token: " + " ".join(f"{reward:.3g}" for reward in rewards))
    terms = info.get("reward_terms", {})
    if len(terms) > 1:
        lines.append(", ".join(f"{name} {float(value):.3f}" for name, value in terms.items()))
    return lines


def _rows(game: Any, pace: Pace) -> Any:
    table = text_game(game).task.sources
    if table is None:
        if pace.source is not None:
            raise ValueError(f"--source {pace.source}: the texts of this environment answer to no source; leave it out")
        return None
    if pace.source is None:
        return np.random.default_rng(pace.seed).choice(table.pool, pace.n)
    if not 0 <= pace.source < len(table.tokens):
        raise ValueError(f"--source {pace.source} must be a row of the sources, 0 to {len(table.tokens) - 1}")
    return np.full(pace.n, pace.source)
