"""Facts of the run that a page's figures are of: command, seeds, device, versions, state of the code, machine.

    ```{kept-run} throughput-defaults
    ```

on a page of results becomes a sentence, from the files that the run left.
"""

from __future__ import annotations

import json
import re
from typing import Any

from sphinx.application import Sphinx

from benchmarks.report.files import VERSIONS
from benchmarks.store.manifest import read_manifest
from kept_tables import RESULTS, experiment

FENCE = re.compile(r"^```\{kept-run\} (\S+)\n```$", re.MULTILINE)
# The commands of studies that are no experiments.
COMMANDS = {
    "throughput": "python -m benchmarks throughput",
    "throughput-defaults": "python -m benchmarks throughput --only defaults --threads 1 --repeats 9",
    "throughput-training": "python -m benchmarks throughput --threads 1 --only ...",
    "degenerate": "python -m benchmarks degenerate",
    "diagnostics": "python -m benchmarks run diagnostics --size small --seeds 5",
    "exposure/exposure": "python -m benchmarks exposure runs/exposure --texts 4800",
    "exposure/sweep": "python -m benchmarks sweep runs/exposure",
    "variance": "python -m benchmarks variance",
    "tuning": "python -m benchmarks tune ...",
}
NAMED = ("textgen-env", "python", "torch", "numpy")


def said(name: str) -> str:
    """Facts of a kept run, in a sentence.

    Args:
        name: a folder of benchmarks/results, or folder/file of a study in the folder of an experiment.

    Raises:
        ValueError: no such run.
    """
    folder, _, file = name.partition("/")
    study = RESULTS / folder / f"{file or folder.partition('-')[0]}.json"
    if name in COMMANDS:
        found = json.loads(study.read_text(encoding="utf-8")) if study.is_file() else {}
        return f"The run: `{COMMANDS[name]}`{_state(found)}."
    kept, runs = experiment(folder), read_manifest(RESULTS / folder)
    seeds = sorted({seed for _, seed in runs.runs})
    many = f"{len(runs.runs)} runs, seeds {_range(seeds)}, on {' and '.join(runs.devices)}"
    settings = f"{{download}}`settings of each run <../../benchmarks/results/{folder}/experiment.json>`"
    made_with = RESULTS / folder / VERSIONS
    known = json.loads(made_with.read_text(encoding="utf-8")) if made_with.is_file() else []
    made = "; ".join(_made_with(each) for each in known) or "Which state of the code it was is not kept"
    return f"The run: `{kept.command}`: {many}; {settings}. {made}."


def _made_with(versions: dict[str, str]) -> str:
    """State of the code, versions and machine of an experiment's runs."""
    libraries = ", ".join(f"{each} {versions[each]}" for each in NAMED if each in versions)
    code = f"code {versions['code']}" if "code" in versions else "a state of the code that is not kept"
    machine = f"{versions.get('processors', '?')} processors, {versions.get('platform', '?')}"
    return f"Made with {code}, {libraries}, on {machine}"


def _range(seeds: list[int]) -> str:
    whole = seeds == list(range(seeds[0], seeds[-1] + 1)) and len(seeds) > 1
    return f"{seeds[0]} to {seeds[-1]}" if whole else ", ".join(map(str, seeds))


def _state(found: dict[str, Any]) -> str:
    """State of the code, machine and versions, as far as the file has them."""
    parts = []
    if revision := str(found.get("revision", "")):
        commit, _, changed = revision.partition("+")
        parts.append(f"at {commit[:10]}{' with changes that were not committed' if changed else ''}")
    if begun := str(found.get("begun", "")):
        parts.append(f"on {begun[:10]}")
    if machine := found.get("machine"):
        threads = f"{machine['torch_threads']} of {machine['processors']} processors"
        parts.append(f"{threads} of {machine['processor'].replace('(R)', '')}")
    if versions := found.get("versions"):
        parts.append(", ".join(f"{each} {versions[each]}" for each in NAMED if each in versions))
    if not revision:
        parts.append("which state of the code it was is not kept")
    return "; " + "; ".join(parts)


def expanded(text: str) -> str:
    """A page with its runs described in the place of their fences."""
    return FENCE.sub(lambda found: f"*{said(found[1])}*" if "{" not in said(found[1]) else said(found[1]), text)


def read(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname.startswith("results/"):
        source[0] = expanded(source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
