"""Pages of the API reference: one a public module, with every public name of it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from sphinx.application import Sphinx

from agents import AGENTS
from textgen_env.specs import REWARDS, TASKS
from written_pages import write_pages

# Title -> the modules whose public names are described, in the order of the index.
PARTS = {
    "Environments": [
        "textgen_env",
        "textgen_env.testing",
        "textgen_env.transition",
        "textgen_env.sb3",
        "textgen_env.wrappers",
        "textgen_env.wrappers.vector",
        "textgen_env.integrations.encoder",
        "textgen_env.integrations.minari",
        "textgen_env.integrations.rllib",
        "textgen_env.integrations.trl",
    ],
    "Tasks and rewards": ["textgen_env.tasks", "textgen_env.rewards"],
    "Texts": [
        "textgen_env.vocabulary",
        "textgen_env.tokenization",
        "textgen_env.data",
        "textgen_env.files",
        "textgen_env.rendering.midi",
    ],
    "Numbers": ["textgen_env.metrics", "textgen_env.solve"],
    "Agents": [
        "agents",
        "agents.protocol",
        "agents.testing",
        "agents.exact",
        "agents.data.episodes",
        "agents.data.text_batch",
        "agents.decoding.decode",
        "agents.decoding.beam",
        "agents.functional.returns",
        "agents.functional.losses",
        "agents.functional.importance",
        "agents.functional.natural_gradient",
    ],
    "Benchmarks": ["benchmarks.specs.experiment", "benchmarks.catalogue", "benchmarks.analysis.statistics"],
}
# Packages that have their classes by name, and the registry of the names.
REGISTRIES = {"textgen_env.tasks": TASKS, "textgen_env.rewards": REWARDS, "agents": AGENTS}


def public_names(module: ModuleType) -> list[str]:
    """The names of `__all__`, or else the classes and functions that the module itself defines."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(thing) or inspect.isfunction(thing))
        and thing.__module__ == module.__name__
    ]


def described_names() -> dict[str, dict[str, Any]]:
    """Module -> the full names that its page describes, each with its object; each object on one page alone."""
    seen: set[int] = set()
    pages: dict[str, dict[str, Any]] = {}
    for module_name in (module for modules in PARTS.values() for module in modules):
        module = import_module(module_name)
        things = {f"{module_name}.{name}": getattr(module, name) for name in public_names(module)}
        # A module among the names has a page of its own.
        things = {name: thing for name, thing in things.items() if not inspect.ismodule(thing)}
        for name in REGISTRIES.get(module_name, ()):
            cls = REGISTRIES[module_name].load(name)
            things[f"{cls.__module__}.{cls.__qualname__}"] = cls
            if module_name == "agents" and isinstance(getattr(cls, "config_class", None), type):
                config = cls.config_class
                things[f"{config.__module__}.{config.__qualname__}"] = config
        pages[module_name] = {name: thing for name, thing in things.items() if id(thing) not in seen}
        seen |= {id(thing) for thing in things.values()}
    return pages


def directive(name: str, thing: Any) -> str:
    if inspect.isclass(thing):
        members = [] if issubclass(thing, Exception) else ["   :members:"]
        return "\n".join([f".. autoclass:: {name}", *members, ""])
    if inspect.isroutine(thing):
        return f".. autofunction:: {name}\n"
    return f".. autodata:: {name}\n   :no-value:\n"


def page(module: str, things: dict[str, Any]) -> str:
    head = [module, "=" * len(module), "", f".. automodule:: {module}", "   :no-members:", ""]
    return "\n".join([*head, *(directive(name, thing) for name, thing in things.items())])


def index() -> str:
    lines = ["API reference", "=============", "", "Every public name, module by module.", ""]
    for title, modules in PARTS.items():
        lines += [f".. toctree::\n   :caption: {title}\n   :maxdepth: 1\n", *(f"   {each}" for each in modules), ""]
    return "\n".join(lines)


def leave_out_fields(
    app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Mapping[str, Any]
) -> bool | None:
    """Fields of named tuples, which have no docstring of their own, are described by their class's "Attributes"."""
    return True if (inspect.getdoc(obj) or "").startswith("Alias for field number") else None


def write(app: Sphinx) -> None:
    pages = {f"{module}.rst": page(module, things) for module, things in described_names().items()}
    write_pages(Path(app.srcdir) / "api", {**pages, "index.rst": index()})


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    app.connect("autodoc-skip-member", leave_out_fields)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
