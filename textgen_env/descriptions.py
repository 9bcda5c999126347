"""Descriptions of games in words: task, reward, arguments with their defaults, sizes, version history."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Mapping
from functools import cache
from typing import Any

from textgen_env.core import GenerationCore
from textgen_env.environments import TABLE, find_spec
from textgen_env.specs import REWARDS, TASKS, arguments_of, build_core

GAME = """\
reward_mode: "terminal" pays the score of the finished text, "dense" pays each token the change of the prefix score;
    None takes the reward's default.
min_length: tokens to write before the end token is allowed; 0 by default.
mask_penalty: a masked token ends the text, and this is taken off what it earns; None, the default, refuses it.
render_mode: "ansi", "human" or "rgb_array"; None by default."""


def describe(id: str) -> str:
    """A registered environment in words: what is written and rewarded, V and T, every argument with its default, and
    what each version changed. Of one that cannot be made without data or an argument that is lacking, what it needs in
    place of the sizes.

    Args:
        id: of an environment of this package, or of one that was registered like them.

    Raises:
        gymnasium.error.Error: an unknown id.
        ValueError: an id of another environment.
    """
    spec = find_spec(id)
    if not {"task", "reward"} <= spec.kwargs.keys():
        raise ValueError(f"id={id!r} is no environment of texts: it was registered without a task and a reward")
    kwargs = dict(spec.kwargs)
    task, reward = kwargs.pop("task"), kwargs.pop("reward")
    of_game = {name: kwargs.pop(name) for name in ("reward_mode", "min_length", "mask_penalty") if name in kwargs}
    kwargs.pop("render_mode", None)
    row = next((row for row in TABLE if row.id == spec.id), None)
    lacks, history = ("", ()) if row is None else (row.lacks, row.history)
    if lacks:
        sizes, made, scored = f"needs {lacks}", *_classes(task, reward)
    else:
        mode, least, penalty = of_game.get("reward_mode"), of_game.get("min_length", 0), of_game.get("mask_penalty")
        core = build_core(task, reward, 1, mode, least, penalty, kwargs)
        sizes, made, scored = _sizes(core), core.task, core.reward
    lines = [spec.id, "", sizes, "", _part("task", "gym.make(id, <argument>=...)", made, task)]
    lines += ["", _part("reward", "gym.make(id, reward={'name': ..., <argument>: ...})", scored, reward)]
    lines += ["", "Arguments of the game", textwrap.indent(GAME, "  ")]
    if history:
        lines += ["", "Version history", *(f"  {each}" for each in history)]
    return "\n".join(lines)


def described(view: type, core: GenerationCore) -> str:
    """The docstring of a view, with the game that it plays: what `help(gym.make(id).unwrapped)` shows."""
    task, reward = _part("task", "gym.make(id, <argument>=...)", core.task), _part("reward", "", core.reward)
    own = "\n".join(["## This Game", _sizes(core), "", task, "", reward])
    return f"{inspect.cleandoc(view.__doc__ or '')}\n\n{own}\n"


def _sizes(core: GenerationCore) -> str:
    end, sources = core.task.vocabulary.eos_id, core.task.sources
    length = "every text has full length" if end is None else f"{core.task.vocabulary.tokens[end]!r} ends a text"
    given = "" if sources is None else f"; {len(sources.tokens)} sources of up to {sources.tokens.shape[1]} tokens"
    return f"V={core.vocab_size} tokens, T={core.horizon}; {length}{given}; reward_mode={core.reward_mode!r}"


def _classes(task: object, reward: object) -> tuple[Any, Any]:
    """The classes of a task and a reward, each a name or a mapping."""
    names = (given["name"] if isinstance(given, Mapping) else given for given in (task, reward))
    return tuple(registry.load(name) for registry, name in zip((TASKS, REWARDS), names, strict=True))  # type: ignore


def _part(kind: str, how: str, made: object, given: object = None) -> str:
    """A task or a reward, or its class: its name, its docstring's first paragraph, its arguments."""
    cls: Any = made if isinstance(made, type) else type(made)
    title, arguments = _of_class(kind, how, cls, getattr(made, "name", None))
    if isinstance(given, Mapping):
        title += "\n  Here with " + ", ".join(f"{key}={value!r}" for key, value in given.items() if key != "name") + "."
    return f"{title}\n{arguments}".rstrip()


@cache
def _of_class(kind: str, how: str, cls: type[Any], own_name: str | None) -> tuple[str, str]:
    registry = TASKS if kind == "task" else REWARDS
    summary, section = _docs(cls)
    title = f"The {kind}: {registry.name_of(cls) or own_name or cls.__name__} ({cls.__name__})"
    signature = arguments_of(cls)
    lines = []
    if signature and section:
        lines = [f"Arguments of the {kind}{how and f', as in {how}'}"]
        lines += [textwrap.indent(textwrap.fill(signature, 116), "  "), textwrap.indent(section, "    ")]
    return f"{title}\n{textwrap.indent(summary, '  ')}", "\n".join(lines)


def _docs(cls: type[Any]) -> tuple[str, str]:
    """The first paragraph of a class's docstring, and its section "Args"."""
    text = inspect.getdoc(cls) or ""
    summary = text.split("\n\n")[0]
    _, found, rest = text.partition("Args:\n")
    if not found:
        return summary, ""
    section = [line for line in rest.split("\n\n")[0].splitlines() if line.startswith("    ")]
    return summary, textwrap.dedent("\n".join(section))
