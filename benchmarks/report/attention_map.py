"""Attention map: where an agent looks in its source as it writes, source tokens against written tokens (as in figure 3
of Bahdanau, Cho and Bengio 2015, "Neural Machine Translation by Jointly Learning to Align and Translate")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from agents.bases.saved_policy import SavedPolicy, read_policy
from agents.functional.losses import masked_logits
from agents.networks.stepping import next_hidden
from benchmarks.policies.environments import made_environment
from benchmarks.report.plots import FORMATS, GREY, save_figure
from benchmarks.store.run_folder import AGENT, CONFIG, read_sealed, read_state, write_whole
from textgen_env.files import DamagedFile
from textgen_env.plain_text import plain_text
from textgen_env.registries import names_alone

CELL_INCHES = 0.55, 0.34
# So many cells that the numbers in them can still be read.
MOST_LETTERS = 30
NUMBERED = 400


@dataclass(frozen=True)
class AttentionMap:
    """Attention of one agent to one source.

    Attributes:
        source, written: tokens, S and W of them, as they are shown.
        weights: (W, S) float64; row w is where token w was chosen.
        title: source and text.
        policy: whose attention it is.
    """

    source: tuple[str, ...]
    written: tuple[str, ...]
    weights: NDArray[np.float64]
    title: str
    policy: str


def plot(path: Path, row: int, out: Path | None, env_id: str | None, env_kwargs: str, trust: bool = False) -> Path:
    """Draws the map of a saved agent into a file, whose path is returned.

    Args:
        path: the folder of a run, or a file of an agent; the environment is read from the run's settings.
        row: of the task's sources.
        out: a .png or .svg; None for `attention-<row>.png` beside the agent.
        env_id, env_kwargs: the environment, of a file beside which there are no settings; its kwargs as JSON.
        trust: whether import paths in the run's settings are followed.

    Raises:
        textgen_env.registries.UntrustedPath: import paths in the run's settings, without `trust`.
        FileNotFoundError: no agent there.
        ValueError: an agent without attention, an environment that is unknown or not the agent's, a source that there
            is not, a picture of another kind.
    """
    file = path / AGENT if path.is_dir() else path
    if not file.is_file():
        left = f": {path} holds no {AGENT}; give the folder of a finished run" if path.is_dir() else "; no such file"
        raise FileNotFoundError(f"path={str(path)!r}{left}, or a file that an agent was saved in")
    picture = file.with_name(f"attention-{row}.png") if out is None else out
    kind = picture.suffix.removeprefix(".")
    if kind not in FORMATS:
        raise ValueError(f"out={str(picture)!r} must end in {' or '.join(f'.{each}' for each in FORMATS)}")
    for broken, reason in read_state(file.parent).broken:
        if broken.name in (file.name, CONFIG):
            raise DamagedFile(broken, reason, "do the run again")
    policy = read_policy(file)
    if not policy.network.attends:
        kind_of = "has a source, but learned" if policy.spec.conditional else "writes texts without a source,"
        raise ValueError(
            f"path={str(file)!r}: this {policy.agent} {kind_of} without attention; there is nothing to draw"
        )
    env = environment_of(file, env_id, env_kwargs, trust)
    write_whole(picture, partial(save_figure, drawn(attention_map(policy, env, row)), kind))
    return picture


@torch.inference_mode()
def attention_map(policy: SavedPolicy, env: Any, row: int) -> AttentionMap:
    """Of the text that a policy writes for a source of the environment, always its likeliest token that is allowed.

    Raises:
        ValueError: texts of another shape, or no such source.
    """
    task, network, spec = env.unwrapped.task, policy.network, policy.spec
    found = len(task.vocabulary), task.max_length, *(() if task.sources is None else task.sources.tokens.shape[1:])
    expected = spec.vocab_size, spec.max_length, spec.source_length
    if found != expected:
        raise ValueError(f"env_id: its texts (V, T, S) are {found}, but the agent was made for {expected}")
    count = len(task.sources.tokens)
    if not 0 <= row < count:
        raise ValueError(f"source={row} must be a row of the sources, 0 to {count - 1}")
    observation, _ = env.reset(options={"source": row})
    state, terminated, info = None, False, {}
    while not terminated:
        hidden, state, _ = next_hidden(network, spec, observation, state, None)
        logits = masked_logits(network.logits(hidden), torch.from_numpy(env.unwrapped.action_masks()))
        observation, _, terminated, _, info = env.step(int(logits.argmax()))
    tokens, source = info["tokens"], task.sources.tokens[row]
    there = source[source != len(task.sources.vocabulary)]
    weights = network.attention_weights(torch.from_numpy(tokens[None]), torch.from_numpy(source[None]))[0]
    length = int((tokens != spec.vocab_size).sum())
    return AttentionMap(
        source=_shown(task.sources.vocabulary, there),
        written=_shown(task.vocabulary, tokens[:length]),
        weights=weights[:length, : len(there)].double().numpy(),
        title=f"{task.sources.vocabulary.decode(there)}  →  {info['text']}",
        policy=f"{policy.agent}, {policy.config.cell}, {policy.config.attention} attention",
    )


# A dollar in a name is a dollar, and no formula.
@matplotlib.rc_context({"text.parse_math": False})
def drawn(shown: AttentionMap) -> Figure:
    """The heat map: a column for each token of the source, a row for each that was written, in their order."""
    rows, columns = shown.weights.shape
    wide, high = CELL_INCHES
    labels = max(map(len, shown.written)) * 0.085
    width = max(columns * wide + labels + 1.7, len(shown.title) * 0.088 + 0.3, 3.6)
    figure = Figure(figsize=(width, rows * high + 1.6), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(shown.title, fontsize=11, fontweight="bold")
    axes = figure.add_subplot()
    image = axes.imshow(shown.weights, cmap="Blues", vmin=0.0, vmax=1.0, aspect=high / wide)
    axes.set_xticks(range(columns), shown.source, fontsize=11)
    axes.set_yticks(range(rows), shown.written, fontsize=10)
    if max(map(len, shown.source)) > 4:
        axes.tick_params(axis="x", rotation=90)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("source", color=GREY)
    axes.set_ylabel("written, from the top", color=GREY)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    # Thin white lines between the cells.
    axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)
    if rows * columns <= NUMBERED:
        for (y, x), weight in np.ndenumerate(shown.weights):
            colour = "white" if weight > 0.5 else "black" if weight >= 0.05 else GREY
            axes.text(x, y, f"{weight:.2f}", ha="center", va="center", fontsize=8, color=colour)
    bar = figure.colorbar(image, ax=axes, shrink=0.9, aspect=25, pad=0.03)
    bar.set_label("weight", color=GREY)
    bar.outline.set_visible(False)
    figure.supxlabel(shown.policy, fontsize=8, color=GREY)
    return figure


def environment_of(file: Path, env_id: str | None, env_kwargs: str, trust: bool) -> Any:
    """The environment that a saved agent was made for, by name or by the run's settings beside `file`.

    Raises:
        ValueError: an environment that is unknown, or no settings.
    """
    try:
        kwargs = json.loads(env_kwargs)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"env_kwargs={env_kwargs!r} is no JSON: {error}") from None
    if not isinstance(kwargs, Mapping):
        raise ValueError(f'env_kwargs={env_kwargs!r} must be an object, such as {{"max_number": 999}}')
    if env_id is not None:
        return made_environment(env_id, kwargs)
    settings = file.with_name(CONFIG)
    try:
        env_id, kwargs = _environment_in(settings)
    except FileNotFoundError:
        raise ValueError(
            f"env_id=None: beside {file} there is no {CONFIG} of a run; say which environment the agent was made "
            "for, such as TextGen-NumberWords-v0"
        ) from None
    with nullcontext() if trust else names_alone(settings):
        return made_environment(env_id, kwargs, trust)


def _environment_in(settings: Path) -> tuple[str, Mapping[str, Any]]:
    """The id and the keyword arguments of a run's environment.

    Raises:
        ValueError: the file is not one of a run.
    """
    config = read_sealed(settings)
    env_id, kwargs = config.get("env_id"), config.get("env_kwargs", {})
    if isinstance(env_id, str) and isinstance(kwargs, Mapping):
        return env_id, kwargs
    if "env_id" not in config:
        found = "'env_id' is missing"
    elif isinstance(env_id, str):
        found = f"env_kwargs={kwargs!r} must be an object"
    else:
        found = f"env_id={env_id!r} must be a text"
    raise ValueError(f"{settings} is not of a run: {found}; say --env-id, and --env-kwargs where it takes some")


def _shown(vocabulary: Any, ids: NDArray[np.int64]) -> tuple[str, ...]:
    """Tokens without the blanks that join them to others."""
    return tuple(plain_text(vocabulary.tokens[i].strip(), MOST_LETTERS) or "␣" for i in ids.tolist())
