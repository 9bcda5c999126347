"""The page of commands: each of them runs, in the order in which it stands, at small budgets."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
COMMAND = "python -m benchmarks "
# What makes a command small: by its name, options that are set in place of, or beside, those on the page.
SMALL = {
    "train": "--tokens 200 --seeds 1 --jobs 1 --set agent.num_envs=8 --set evaluation.points=1 "
    "--set evaluation.episodes=8 --set evaluation.final_episodes=16",
    "run": "--seeds 1 --jobs 1",
    "evaluate": "--episodes 20",
}
# What tests of its own do: searches, runs of many machines.
ELSEWHERE = ("tune", "work", "regress")
REVIEWS = [
    f"{how} {what} {end}" for how in ("a good", "a bad", "the best") for what in ("book", "film") for end in ".!"
]


def blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def smaller(arguments: list[str]) -> list[str]:
    """The command with a small budget; options that are given twice are left out where they stand on the page."""
    added = SMALL.get(arguments[0], "").split()
    single = {each for each in added if each.startswith("--") and each != "--set"}
    kept: list[str] = []
    for place, each in enumerate(arguments):
        if each not in single and (not place or arguments[place - 1] not in single):
            kept.append(each)
    return [*kept, *added]


def test_every_command_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("reviews.txt").write_text("\n".join(REVIEWS * 3), encoding="utf-8")
    (agents,) = [block for block in blocks("python") if block.startswith("# my_agents.py")]
    Path("my_agents.py").write_text(agents, encoding="utf-8")
    (theirs,) = [block for block in blocks("text") if block.startswith("label,seed")]
    Path("theirs.csv").write_text(theirs, encoding="utf-8")
    commands = [line for block in blocks("bash") for line in block.splitlines()]
    assert len(commands) >= 12
    for line in commands:
        if line.startswith(("pip ", *(COMMAND + name for name in ELSEWHERE))):
            continue
        assert line.startswith(COMMAND), line
        given, _, into = line.removeprefix(COMMAND).partition(" > ")
        arguments = smaller(shlex.split(given))
        done = CliRunner().invoke(app, arguments)
        if "parquet" in arguments and find_spec("pyarrow") is None:
            assert 'pip install "textgen-env[export]"' in " ".join(done.output.split())
            continue
        assert done.exit_code == 0, f"{line}\n{done.output}"
        if into:
            Path(into).write_text(done.output.replace("total_tokens = 20000", "total_tokens = 200"), encoding="utf-8")
    written = {path.name for path in Path("runs").iterdir()}
    assert written == {"Corpus-v0-ppo+uniform", "Tiny-v0-Cautious+reinforce", "my_experiment"}
    assert "imported from theirs.csv" in (Path("runs") / "Corpus-v0-ppo+uniform" / "table.md").read_text(
        encoding="utf-8"
    )


def test_every_command_is_on_a_page() -> None:
    """Those that a person's own question is answered by."""
    text = PAGE.read_text(encoding="utf-8")
    for name in ("train", "arguments", "schema", "run", "report", "sample", "watch", "evaluate", "export", "import"):
        assert f"{COMMAND}{name}" in text
