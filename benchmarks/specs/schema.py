"""Schema of an experiment's file: as TOML with a comment on every key, and as JSON Schema for editors."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from benchmarks.measures.measures import MEASURES, VALIDATIONS
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment
from benchmarks.specs.named import agent_names, environment_ids

WIDTH = 110
# What stands in the file in place of defaults, so that it runs as it is.
EXAMPLES: Mapping[type, Mapping[str, Any]] = {
    Experiment: {
        "name": "my_experiment",
        "description": "which of them learns more",
        "env_id": "TextGen-Tiny-v0",
        "seeds": (0, 1, 2),
        "baseline": "uniform",
        "goal": "optimum",
        "compared_with": "ppo",
    },
    Evaluation: {"points": 10, "measures": ("nll_test", "bleu_2")},
    Algorithm: {},
}
AGENTS_SHOWN: tuple[Mapping[str, Any], ...] = (
    {"label": "ppo", "agent": "ppo", "total_tokens": 20_000, "hyperparameters": {"learning_rate": 0.003}},
    {"label": "SB3-A2C", "agent": "sb3/A2C", "total_tokens": 20_000},
    {"label": "uniform", "agent": "uniform"},
)
OPTIONAL = ("description",)
# Where a file says it in another way than Python.
IN_A_FILE: Mapping[type, Mapping[str, str]] = {
    Experiment: {
        "env_id": "id of the environment that agents learn in.",
        "env_kwargs": "its keyword arguments; a reward is a name, or a table of a name and arguments.",
        "seeds": "one run of each agent with each of them; --seeds takes others.",
        "goal": 'what it is counted to: "greedy" (the oracle\'s greedy sequence), "optimum" (the best text, of a game '
        'small enough to solve) or "data" (the test data).',
        "evaluation": "how agents are measured, the same for all.",
        "algorithms": "the agents, a table each.",
    },
    Evaluation: {
        "env_id": "of the environment that agents are evaluated on; left out: each agent's own.",
        "env_kwargs": "its keyword arguments.",
        "measures": "names, all of which are below.",
        "validation": "name of what is taken at every point of the curve, of texts that no final measure sees; the best"
        ' point is measured beside the final one. "" for none.',
    },
    Algorithm: {
        "agent": 'registered name, "sb3/NAME" for an algorithm of Stable-Baselines3 or sb3-contrib, or the import path '
        '"module:Class" of a class of your own, from the current folder too.',
        "kind": 'told by the agent: "agent", or "sb3" for an algorithm of Stable-Baselines3.',
        "policy": "of an SB3 algorithm; told by the environment.",
        "hyperparameters": "the agent's own; `python -m benchmarks arguments NAME` lists them.",
        "env_id": "of its training environment; left out: the experiment's.",
        "env_kwargs": "keyword arguments of its training environment, which come on top of the experiment's.",
    },
}
# Tables, which in TOML stand behind all that is none.
INSIDE = ("env_kwargs", "hyperparameters", "policy_kwargs", "expected_shares", "at_most", "shared")


def annotated_toml() -> str:
    """A file that runs as it is, with every key that there may be: what is not set stands behind a #, with its
    default."""
    head = (
        "An experiment, for `python -m benchmarks run my_experiment.toml`. Change what is here; what stands behind a # "
        "is the default. `python -m benchmarks arguments NAME` lists what an agent or an environment takes; `schema "
        "--json` prints this for editors."
    )
    parts = [_comment(head), "", *_table(Experiment, EXAMPLES[Experiment], ("algorithms", "evaluation", *INSIDE))]
    parts += _inside(Experiment, "", {"env_kwargs": {"train_size": 200}})
    parts += ["", "# ---- how agents are measured, the same for all", "[evaluation]"]
    parts += _table(Evaluation, EXAMPLES[Evaluation], INSIDE)
    parts += ["", "# ---- the agents, a table each; this one has every key"]
    for number, shown in enumerate(AGENTS_SHOWN):
        parts += ["", "[[algorithms]]"]
        given = {name: value for name, value in shown.items() if name not in INSIDE}
        if number:
            parts += [f"{name} = {_value(value)}" for name, value in given.items()]
        else:
            parts += _table(Algorithm, given, INSIDE)
            parts += _inside(Algorithm, "algorithms.", shown)
    names = {
        "Agents": [*agent_names(), "module:Class"],
        "Environments": environment_ids(),
        "Measures": list(MEASURES),
        "Validations": list(VALIDATIONS),
    }
    parts += ["", *(_comment(f"{title}: {', '.join(each)}.") for title, each in names.items())]
    return "\n".join(parts) + "\n"


def json_schema() -> str:
    """JSON Schema (2020-12), as editors of TOML take it."""
    content = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Experiment of textgen-env",
        **_object(Experiment),
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def words_of(form: type) -> dict[str, str]:
    """Words on each field of a dataclass: of its docstring, or as a file has it."""
    section = (inspect.getdoc(form) or "").partition("Attributes:\n")[2].split("\n\n")[0]
    entries = re.split(r"^    (?=\S)", section, flags=re.MULTILINE)
    found: dict[str, str] = {}
    for entry in filter(None, entries):
        names, _, words = entry.partition(": ")
        for name in names.split(", "):
            found[name] = " ".join(words.split())
    return {**found, **IN_A_FILE.get(form, {})}


def _table(form: type, given: Mapping[str, Any], left_out: tuple[str, ...]) -> list[str]:
    words = words_of(form)
    lines = []
    for each in fields(form):
        if each.name in left_out:
            continue
        lines.append(_comment(f"{each.name}: {words.get(each.name, '')}"))
        if each.name in given:
            lines.append(f"{each.name} = {_value(given[each.name])}")
        else:
            default = _default(each)
            # TOML knows no None: what is not there is it.
            lines.append(f"# {each.name} = {_value('...' if default is None else default)}")
    return lines


def _inside(form: type, above: str, given: Mapping[str, Any]) -> list[str]:
    """The tables inside a table."""
    words = words_of(form)
    lines = []
    for each in fields(form):
        if each.name in INSIDE:
            lines += ["", _comment(f"{each.name}: {words.get(each.name, '')}")]
            lines.append(f"{'' if each.name in given else '# '}[{above}{each.name}]")
            lines += [f"{name} = {_value(value)}" for name, value in given.get(each.name, {}).items()]
    return lines


def _default(each: Field[Any]) -> Any:
    return each.default_factory() if each.default_factory is not MISSING else each.default


def _comment(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _value(value: Any) -> str:
    """As TOML writes it."""
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} = {_value(each)}" for name, each in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def _object(form: type) -> dict[str, Any]:
    hints, words = get_type_hints(form), words_of(form)
    properties: dict[str, Any] = {}
    required = []
    for each in fields(form):
        properties[each.name] = {**_type(hints[each.name]), "description": words.get(each.name, "")}
        default = _default(each)
        if default is MISSING:
            if each.name not in OPTIONAL:
                required.append(each.name)
        elif default is not None and not is_dataclass(default):
            properties[each.name]["default"] = default
    if form is Evaluation:
        properties["measures"]["items"] = {"enum": list(MEASURES)}
        properties["validation"] = {**properties["validation"], "enum": ["", *VALIDATIONS]}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _type(hint: Any) -> dict[str, Any]:
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        # What TOML cannot say, it leaves out.
        return _type(next(each for each in inside if each is not NoneType))
    if origin is Literal:
        return {"enum": list(inside)}
    if origin is tuple:
        return {"type": "array", "items": _type(inside[0])}
    if isinstance(hint, type) and is_dataclass(hint):
        return _object(hint)
    if hint is Any:
        return {}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _type(inside[1])}
    return {"type": {str: "string", int: "integer", float: "number", bool: "boolean"}[hint]}
