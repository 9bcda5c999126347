"""Nothing that a folder of results names is imported or called by any command, unless the person says so."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks import catalogue
from benchmarks.cli import app
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment
from support.tiny_experiment import do
from textgen_env.files import DIGEST, sealed, sha256_of

pytest.importorskip("num2words")

EXPERIMENT = Experiment(
    name="visited",
    description="a test",
    env_id="TextGen-NumberWords-v0",
    env_kwargs={"max_number": 99},
    algorithms=(
        Algorithm(
            "MLE",
            "mle",
            total_tokens=300,
            num_envs=4,
            hyperparameters={"embedding_size": 4, "hidden_size": 8, "attention": "additive"},
        ),
    ),
    seeds=(0,),
    evaluation=Evaluation(points=1, episodes=4, final_episodes=4, test_texts=4, measures=()),
)
RUN = Path("visited", "MLE", "seed-0")
# Each command as it is given for a folder of results.
COMMANDS: dict[str, Callable[[Path], list[str]]] = {
    "train": lambda out: ["train", "--agent", "mle", "--env", "nothing", "--out", str(out)],
    "arguments": lambda out: ["arguments", "mle"],
    "schema": lambda out: ["schema"],
    "tune": lambda out: ["tune", "--agent", "mle", "--env", "nothing", "--out", str(out)],
    "tune-suite": lambda out: ["tune-suite", "--agent", "mle", "--env", "nothing", "--out", str(out)],
    "gains": lambda out: ["gains", str(out)],
    "list": lambda out: ["list"],
    "run": lambda out: ["run", "visited", "--jobs", "1", "--out", str(out)],
    "work": lambda out: ["work", str(out / "visited"), "--jobs", "1"],
    "report": lambda out: ["report", str(out)],
    "leaderboard": lambda out: ["leaderboard", str(out)],
    "regress": lambda out: ["regress", str(out), str(out)],
    "plot-attention": lambda out: ["plot-attention", str(out / RUN), "--source", "7"],
    "sample": lambda out: ["sample", str(out / RUN), "--n", "2", "--decode", "beam"],
    "evaluate": lambda out: ["evaluate", str(out / RUN), "--episodes", "2", "--set", "env.max_number=99"],
    "watch": lambda out: ["watch", str(out / RUN), "--n", "1"],
    "export": lambda out: ["export", str(out), "--out", str(out.parent / "rows.csv")],
    "import": lambda out: ["import", str(out / "nothing.csv"), "--out", str(out), "--name", "visited"],
    "throughput": lambda out: ["throughput", "--only", "nothing", "--out", str(out / RUN)],
    "variance": lambda out: ["variance", "--only", "nothing", "--out", str(out / RUN)],
    "exposure": lambda out: ["exposure", str(out / "visited"), "--texts", "8"],
    "sweep": lambda out: ["sweep", str(out / "visited"), "--texts", "4", "--temperatures", "1"],
    "diagnose": lambda out: ["diagnose", str(out / "visited")],
    "degenerate": lambda out: ["degenerate", "--only", "nothing", "--out", str(out / RUN)],
}


def popen(marker: Path) -> dict[str, Any]:
    return {"name": "subprocess:Popen", "args": ["touch", str(marker)]}


HOSTILE: dict[str, Callable[[Path], dict[str, Any]]] = {
    "reward": lambda marker: {"env_kwargs": {"max_number": 99, "reward": popen(marker)}},
    "bare reward": lambda marker: {"env_kwargs": {"max_number": 99, "reward": "evil:Env"}},
    "part": lambda marker: {"env_kwargs": {"reward": {"name": "sum", "parts": [[1.0, popen(marker)]]}}},
    "function": lambda marker: {"env_kwargs": {"reward": {"name": "text", "function": "evil:Env"}}},
    "task": lambda marker: {"env_kwargs": {"task": popen(marker)}},
    "env_id": lambda marker: {"env_id": "evil:Env"},
    "agent": lambda marker: {"algorithm": {"label": "MLE", "agent": "evil:Env", "kind": "agent"}},
    "evaluation": lambda marker: {"evaluation": {"env_id": "evil:Env", "env_kwargs": {"reward": popen(marker)}}},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Every file of a finished run, by its path."""
    out = tmp_path_factory.mktemp("made")
    assert do(EXPERIMENT, out).ended() == [("MLE", "finished")]
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.fixture
def out(made: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Those files in a folder of their own, beside a module that tells of its being imported."""
    for name, content in made.items():
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_bytes(content)
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w').close()\ndef Env(texts): ...\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(catalogue.EXPERIMENTS, "visited", EXPERIMENT)
    yield tmp_path / "out"
    sys.modules.pop("evil", None)


def spoil(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Changes the content of a JSON file, by one who knows of digests."""
    content = json.loads(path.read_text())
    changed = change({key: value for key, value in content.items() if key != DIGEST})
    path.write_text(json.dumps(sealed(changed) if DIGEST in content else changed))


def spoil_settings(out: Path, changes: dict[str, Any]) -> None:
    """Changes what the run's `config.json` and its `result.json` say, likewise."""
    spoil(out / RUN / "config.json", lambda content: {**content, **changes})
    config = sha256_of(out / RUN / "config.json")
    spoil(
        out / RUN / "result.json",
        lambda content: {**content, **changes, "rests_on": {**content["rests_on"], "config.json": config}},
    )


def test_every_command_is_walked() -> None:
    named = {each.name or each.callback.__name__ for each in app.registered_commands if each.callback is not None}
    assert named == COMMANDS.keys()


@pytest.mark.parametrize("what", HOSTILE)
def test_no_command_follows_what_a_folder_names(what: str, out: Path) -> None:
    marker = out.parent / "marker"
    changes = HOSTILE[what](marker)
    spoil_settings(out, changes)
    spoil(
        out / "visited" / "experiment.json",
        lambda content: {**content, **changes, "runs": [{**each, **changes} for each in content["runs"]]},
    )
    for name, command in COMMANDS.items():
        result = CliRunner().invoke(app, command(out))
        assert result.exception is None or isinstance(result.exception, SystemExit), name
        if name == "plot-attention" and what not in ("agent", "evaluation"):
            assert result.exit_code == 2
            for said in (str(out / RUN / "config.json"), "is an import path", "--trust"):
                assert said in result.output
        assert not marker.exists(), f"{name} ran what stands in the folder"
        assert "evil" not in sys.modules


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("own", ["my_rewards:paid", "length"])
def test_a_reward_of_the_persons_own_opens_no_door(what: str, own: str, out: Path) -> None:
    (out.parent / "my_rewards.py").write_text("def paid(tokens, lengths):\n    return lengths * 1.0\n")
    marker = out.parent / "marker"
    spoil_settings(out, HOSTILE[what](marker))
    CliRunner().invoke(app, ["evaluate", str(out / RUN), "--episodes", "2", "--set", f"env.reward={own}"])
    sys.modules.pop("my_rewards", None)
    assert not marker.exists()
    assert "evil" not in sys.modules


@pytest.mark.parametrize("method", ["greedy", "beam", "sample"])
def test_a_run_shows_its_texts(method: str, out: Path) -> None:
    result = CliRunner().invoke(app, ["sample", str(out / RUN), "--n", "3", "--decode", method])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert len(lines) == 4
    assert lines[0].split("\t") == ["log_prob", "score", "source", "text"]
    assert all(float(line.split("\t")[0]) < 0 for line in lines[1:])


def test_a_folder_without_an_agent_is_refused(out: Path) -> None:
    result = CliRunner().invoke(app, ["sample", str(out)])
    assert result.exit_code == 2
    assert "agent.safetensors" in result.output


def test_it_is_followed_on_the_persons_word(out: Path) -> None:
    spoil_settings(out, HOSTILE["function"](out))
    result = CliRunner().invoke(app, [*COMMANDS["plot-attention"](out), "--trust"])
    assert (out.parent / "marker").exists()
    assert "is an import path" not in result.output


def test_what_the_person_says_is_the_persons_word(out: Path) -> None:
    given = json.dumps({"max_number": 99, "reward": {"name": "text", "function": "evil:Env"}})
    named = ["--env-id", "TextGen-NumberWords-v0", "--env-kwargs", given]
    CliRunner().invoke(app, [*COMMANDS["plot-attention"](out), *named])
    assert (out.parent / "marker").exists()


def test_only_environments_of_texts_are_made_of_what_a_folder_names(out: Path) -> None:
    """Others take what they import from their arguments."""
    change = {"env_id": "GymV21Environment-v0", "env_kwargs": {"env_id": "evil:Env"}}
    spoil_settings(out, change)
    result = CliRunner().invoke(app, COMMANDS["plot-attention"](out))
    assert result.exit_code == 2
    assert "env_id='GymV21Environment-v0'" in result.output
    assert not (out.parent / "marker").exists()


@pytest.mark.parametrize("name", ["../../elsewhere", ".", "a/b"])
def test_names_of_folders_in_a_manifest_lead_nowhere_else(name: str, out: Path) -> None:
    spoil(
        out / "visited" / "experiment.json",
        lambda content: {**content, "runs": [{**each, "experiment": name} for each in content["runs"]]},
    )
    result = CliRunner().invoke(app, COMMANDS["report"](out))
    assert f"{name!r} is no name of a folder" in result.output
