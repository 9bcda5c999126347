"""Moving pictures of the games: a text grows, token by token, with its reward; uniform tokens beside a trained agent.

python docs/extensions/game_pictures.py [--only ID ...]    draws them into docs/pictures/games; half an hour in all

The page of an environment shows its picture; `games.json` beside the pictures says what was played, by whom, and what
the two earn on average, and keeps the sizes of games whose data a reader may not have.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from agents import AGENTS  # noqa: E402
from agents.data.episodes import evaluate  # noqa: E402
from textgen_env import TABLE  # noqa: E402
from textgen_env.rendering.fonts import font_of  # noqa: E402

PICTURES = ROOT / "docs" / "pictures" / "games"
SIZE = (400, 225)
BAND = 26
MILLISECONDS, LAST = 350, 2_500
TEXTS = 256
NETWORK = {"embedding_size": 64, "hidden_size": 128, "cell": "gru"}
ATTENTIVE = {**NETWORK, "attention": "general"}


@dataclass(frozen=True)
class Stage:
    """A part of the training: an agent by name, which begins as the stage before it ended."""

    agent: str
    tokens: int
    settings: dict[str, Any] = field(default_factory=dict)


def after_likelihood(network: dict[str, Any], imitated: int = 400_000, rewarded: int = 100_000) -> tuple[Stage, ...]:
    return (
        Stage("mle", imitated, {**network, "learning_rate": 0.005}),
        Stage("reinforce", rewarded, {**network, "learning_rate": 0.0003, "entropy_weight": 0.0}),
    )


# Task -> its training. Where a random policy learns from the reward alone, it does.
TRAINING: dict[str, tuple[Stage, ...]] = {
    "tiny": (Stage("reinforce", 30_000),),
    "number_words": after_likelihood(ATTENTIVE),
    "parallel": after_likelihood(ATTENTIVE, 100_000, 20_000),
    "transcribe": after_likelihood(ATTENTIVE, 600_000),
    "corpus": after_likelihood(NETWORK, 100_000, 20_000),
}
USUAL = after_likelihood(NETWORK)
OF_ONE_ID = {"TextGen-OracleSmall-v0": (Stage("reinforce", 300_000),)}
# Texts for the games that are made of a user's own.
ANIMALS = ("dog", "cat", "horse", "bird", "fox")
OWN_TEXTS = [
    f"{start} {a} {verb} {end} ."
    for start in ("the", "a young", "an old")
    for a in ANIMALS
    for verb in ("sleeps", "waits", "sings", "runs")
    for end in ("in the garden", "by the river", "all day", "at night")
]
NOUNS = {"chat": "cat", "chien": "dog", "cheval": "horse", "oiseau": "bird", "renard": "fox"}
VERBS = {"dort": "sleeps", "attend": "waits", "chante": "sings", "court": "runs"}
PLACES = {"au jardin": "in the garden", "la nuit": "at night", "ici": "here", "toujours": "always"}
OWN_PAIRS = [
    (f"le {noun} {verb} {place}", f"the {NOUNS[noun]} {VERBS[verb]} {PLACES[place]}")
    for noun in NOUNS
    for verb in VERBS
    for place in PLACES
]
GIVEN: dict[str, dict[str, Any]] = {"corpus": {"texts": OWN_TEXTS}, "parallel": {"pairs": OWN_PAIRS}}


def trained(envs: Any, stages: tuple[Stage, ...]) -> Any:
    agent: Any = None
    for stage in stages:
        before, cls = agent, AGENTS.load(stage.agent)
        agent = cls(envs, cls.config_class(**stage.settings), seed=0)
        if before is not None:
            agent.initialise_from(before)
        agent.train(envs, total_tokens=stage.tokens)
    return agent


def in_words(stages: tuple[Stage, ...]) -> str:
    named = {"mle": "likelihood", "reinforce": "REINFORCE"}
    return ", then ".join(f"{named[stage.agent]} for {stage.tokens:,} tokens" for stage in stages)


def frames(envs: Any, predict: Any, seed: int) -> list[Image.Image]:
    """A frame before the first token and one after each, of the text that row 0 writes."""
    observation, _ = envs.reset(seed=seed)
    shown, state, begins, over = [envs.render()[0]], None, np.ones(1, bool), False
    while not over:
        action, state = predict(observation, state, begins, False)
        observation, _, terminated, _, _ = envs.step(action)
        shown.append(envs.render()[0])
        begins, over = terminated, bool(terminated[0])
    return [Image.fromarray(frame).resize(SIZE, Image.Resampling.LANCZOS) for frame in shown]


def side_by_side(left: list[Image.Image], right: list[Image.Image]) -> list[Image.Image]:
    """Frames of two texts with a title over each; the shorter one waits at its end."""
    pictures = []
    for number in range(max(len(left), len(right))):
        picture = Image.new("RGB", (2 * SIZE[0], SIZE[1] + BAND), "#f0f2f5")
        draw = ImageDraw.Draw(picture)
        for column, (title, part) in enumerate((("uniform tokens", left), ("trained agent", right))):
            draw.text((column * SIZE[0] + 16, 5), title, font=font_of(15), fill="#1b1f24")
            picture.paste(part[min(number, len(part) - 1)], (column * SIZE[0], BAND))
        pictures.append(picture)
    return pictures


def draw(row: Any) -> dict[str, Any]:
    """Trains, plays and draws one id; its entry of `games.json`."""
    given = GIVEN.get(row.task, {})
    stages = OF_ONE_ID.get(row.id, TRAINING.get(row.task, USUAL))
    envs = gym.make_vec(row.id, num_envs=64, **given)
    agent, uniform = trained(envs, stages), AGENTS.load("uniform")(envs, seed=0)
    shown = gym.make_vec(
        row.id,
        num_envs=1,
        render_mode="rgb_array",
        reward=envs.unwrapped.reward,
        autoreset_mode="Disabled",
        **given,
    )
    with shown.unwrapped.evaluating():
        pictures = side_by_side(*(frames(shown, each.predict, seed=0) for each in (uniform, agent)))
    small = [picture.quantize(32, dither=Image.Dither.NONE) for picture in pictures]
    PICTURES.mkdir(parents=True, exist_ok=True)
    durations = [MILLISECONDS] * (len(small) - 1) + [LAST]
    small[0].save(
        PICTURES / f"{row.id}.gif", save_all=True, append_images=small[1:], duration=durations, loop=0, optimize=True
    )
    returns = {
        name: float(evaluate(each.predict, envs, TEXTS, seed=1).returns.mean())
        for name, each in (("uniform", uniform), ("trained", agent))
    }
    game = envs.unwrapped
    sources = game.task.sources
    return {
        "vocab_size": len(game.task.vocabulary),
        "max_length": game.task.max_length,
        "ends": game.task.vocabulary.eos_id is not None,
        "source": None if sources is None else [len(sources.vocabulary), sources.tokens.shape[1]],
        "reward_mode": game.reward_mode,
        "training": in_words(stages),
        "texts": TEXTS,
        **returns,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], help="an id; again for another")
    only = parser.parse_args().only
    listing = PICTURES / "games.json"
    known = json.loads(listing.read_text(encoding="utf-8")) if listing.exists() else {}
    for row in TABLE:
        if (only and row.id not in only) or "data" in row.lacks:
            continue
        known[row.id] = draw(row)
        ordered = {each.id: known[each.id] for each in TABLE if each.id in known}
        listing.write_text(json.dumps(ordered, indent=2) + "\n", encoding="utf-8")
        print(row.id, known[row.id], flush=True)


if __name__ == "__main__":
    main()
