"""Links at the end of tutorials, guides and explanations to the pages of what they use: environments, agents, rewards.

They are found in the text itself, by their ids, imports and names, while the site is built.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx

from agents import AGENTS
from textgen_env import TABLE
from textgen_env.specs import REWARDS

FOLDERS = ("tutorials/", "explanations/", "guide/")
# Files of these folders that only list the others.
LISTS = ("index", "sg_execution_times")
ID = re.compile(r"TextGen-\w+-v\d")
IMPORT = re.compile(r"from (agents(?:\.\w+)+) import ([\w, ]+)")
REWARD = re.compile(r"(?:reward=|\"name\": |\d\.\d, )[\"'](\w+)[\"']")


def agent_classes() -> dict[tuple[str, str], str]:
    """Module and class -> the agent's registered name."""
    classes = {name: AGENTS.load(name) for name in AGENTS}
    return {(cls.__module__, cls.__name__): name for name, cls in classes.items()}


def in_prose(text: str) -> list[str]:
    """Agents that a text names as papers do, by an acronym that is the class's name; not another library's of that
    name."""
    classes = {cls: name for (_, cls), name in agent_classes().items() if re.match(r"[A-Z]\w*[A-Z]", cls)}
    others = {
        name.strip() for names in re.findall(r"from (?!agents)\S+ import ([\w, ]+)", text) for name in names.split(",")
    }
    return [name for cls, name in classes.items() if cls not in others and re.search(rf"(?<![\w-]){cls}(?!\w)", text)]


def used(text: str) -> list[str]:
    """The pages of what a text uses, "agents/ppo", in the order environments, agents, rewards."""
    ids = [row.id for row in TABLE if row.id in set(ID.findall(text))]
    imported = {(module, name.strip()) for module, names in IMPORT.findall(text) for name in names.split(",")}
    found = {name for place, name in agent_classes().items() if place in imported} | set(in_prose(text))
    found |= {name for pair in re.findall(r"--agent (\w+)|Algorithm\(\"[^\"]*\", \"(\w+)\"", text) for name in pair}
    agents = [name for name in AGENTS if name in found]
    rewards = [name for name in REWARDS if name in set(REWARD.findall(text))]
    groups = (("environments", ids), ("agents", agents), ("rewards", rewards))
    return [f"{folder}/{name}" for folder, names in groups for name in names]


def links(pages: list[str], restructured: bool) -> str:
    """A paragraph with links to pages; "" for none."""
    if not pages:
        return ""
    if restructured:
        return "\n\n**Pages of what is used here:** " + ", ".join(f":doc:`/{page}`" for page in pages) + ".\n"
    return "\n\n**Pages of what is used here:** " + ", ".join(f"[](/{page}.md)" for page in pages) + ".\n"


def append(app: Sphinx, docname: str, source: list[str]) -> None:
    if not docname.startswith(FOLDERS) or docname.rpartition("/")[2] in LISTS:
        return
    restructured = str(app.env.doc2path(docname)).endswith(".rst")
    paragraph = links(used(source[0]), restructured)
    place = source[0].find("\n.. rst-class:: sphx-glr-timing") if restructured else -1
    if place < 0:
        source[0] += paragraph
    else:
        source[0] = source[0][:place] + paragraph + source[0][place:]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", append)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
