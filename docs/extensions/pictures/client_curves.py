"""Learning curves of other libraries' agents, from `docs/clients/curves`: a panel a game."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import cache

from matplotlib.figure import Figure

from pictures.canvas import ROOT, TEXT_SIZE, Palette, blank

CURVES = ROOT / "docs" / "clients" / "curves"
# Script -> whose it is, in the order of the legend.
NAMES = {
    "own_ppo": "textgen-env",
    "cleanrl_ppo": "CleanRL",
    "torchrl_ppo": "TorchRL",
    "tianshou_ppo": "tianshou",
    "skrl_ppo": "skrl",
    "sb3_ppo": "Stable-Baselines3",
    "sbx_ppo": "SBX",
    "rllib_ppo": "RLlib",
    "agilerl_ppo": "AgileRL",
    "pufferlib_ppo": "PufferLib",
    "cleanrl_dqn": "CleanRL's DQN",
    "trl_grpo": "TRL's GRPO",
}
GAMES = {
    "TextGen-OracleSmall-v0": "OracleSmall, nats",
    "TextGen-Captions-v1": "Captions, BLEU",
    "TextGen-NumberWords-v0": "NumberWords, BLEU",
}
DASHES = ("-", "--")


@cache
def curves() -> dict[tuple[str, str, int], list[tuple[int, float]]]:
    """(script, game, seed) -> (tokens, mean return) of each 200 texts; of each batch of TRL's."""
    found = {}
    for path in sorted(CURVES.glob("*.csv")):
        script, rest = path.stem.split("-", 1)
        game, seed = rest.rsplit("-", 1)
        with path.open(encoding="utf-8", newline="") as file:
            found[script, game, int(seed)] = [(int(at), float(mean)) for at, mean in list(csv.reader(file))[1:]]
    return found


def alternative(scripts: Sequence[str]) -> str:
    """The picture in words."""
    games = [GAMES[game] for game in _games(scripts)]
    whose = " and ".join(NAMES[script] for script in scripts) if scripts else "each library"
    context = ", those of other libraries in grey" if scripts else ""
    return f"Mean return of texts against tokens written, of {whose}{context}; a panel each: {'; '.join(games)}."


def draw(palette: Palette, scripts: Sequence[str]) -> Figure:
    """Curves of `scripts` in colours, all seeds of theirs, before those of the others in grey; of all, where there are
    none."""
    shown = list(scripts) or list(NAMES)
    games = _games(scripts)
    figure, panels = blank(palette, 9.0, 3.4 if scripts else 4.2, columns=len(games))
    lines = {}
    for game, axes in zip(games, panels, strict=True):
        for (script, played, seed), curve in curves().items():
            if played != game or script in shown or seed:
                continue
            axes.plot([at / 1000 for at, _ in curve], [mean for _, mean in curve], color=palette.faint, linewidth=1)
        for number, script in enumerate(shown):
            for (drawn, played, seed), curve in curves().items():
                if (drawn, played) != (script, game) or (seed and not scripts):
                    continue
                style = DASHES[number // len(palette.series)]
                (lines[script],) = axes.plot(
                    [at / 1000 for at, _ in curve],
                    [mean for _, mean in curve],
                    style,
                    color=palette.series[number % len(palette.series)],
                    linewidth=1 if seed else 1.8,
                )
        axes.set_title(GAMES[game], fontsize=TEXT_SIZE, color=palette.text)
        axes.set_xlabel("thousand tokens")
    panels[0].set_ylabel("mean return")
    figure.legend(
        [lines[script] for script in shown],
        [NAMES[script] for script in shown],
        loc="outside lower center",
        ncols=5,
        frameon=False,
        labelcolor=palette.text,
        fontsize=TEXT_SIZE - 1.5,
    )
    return figure


def _games(scripts: Sequence[str]) -> list[str]:
    """Those that one of `scripts` has played, or any."""
    return [game for game in GAMES if any((script, game, 0) in curves() for script in scripts or NAMES)]
