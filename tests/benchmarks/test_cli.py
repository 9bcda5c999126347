"""The command line in processes of its own: done, refused, interrupted, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.analysis.load import collect
from benchmarks.catalogue import experiment_names
from benchmarks.cli import app
from benchmarks.commands.seeds import parsed_seeds

ROOT = Path(__file__).resolve().parents[2]
AGENTS = '''
import os, time
from pathlib import Path
from agents.baselines.uniform import Uniform


class Counts(Uniform):
    """Trains until it is stopped, or for a moment."""

    def train(self, envs, total_tokens, callback=None):
        Path(os.environ["PID_FILE"]).write_text(str(os.getpid()))
        from agents.protocol import Progress

        for done in range(total_tokens):
            time.sleep(0.01)
            callback(Progress(done, 0, 0.0, {}))
        return self


class Silent(Uniform):
    """Works for long without a word."""

    def train(self, envs, total_tokens, callback=None):
        Path(os.environ["PID_FILE"]).write_text(str(os.getpid()))
        time.sleep(100)


class Dies(Uniform):
    def train(self, envs, total_tokens, callback=None):
        os.kill(os.getpid(), 9)


class Raises(Uniform):
    def train(self, envs, total_tokens, callback=None):
        raise RuntimeError("gone wrong")
'''
SCRIPT = """
import sys
from pathlib import Path
from benchmarks.running.scheduler import run_experiment
from benchmarks.specs.experiment import Evaluation, Experiment, Algorithm

if __name__ == "__main__":
    asked = [(*argument.split(","), "")[:4] for argument in sys.argv[3:]]
    rows = [Algorithm(label, path, int(tokens), num_envs=2, init_from=source) for label, path, tokens, source in asked]
    evaluation = Evaluation(points=1, episodes=4, final_episodes=4, test_texts=10, sample_texts=1)
    small = {"train_size": 10, "test_size": 10}
    experiment = Experiment("killed", "d", "TextGen-Tiny-v0", tuple(rows), small, (0,), evaluation)
    run_experiment(experiment, Path(sys.argv[1]), int(sys.argv[2]), lambda event: print(event.kind, event.run.name))
"""
FIRST = "First,uniform,0"
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks processes up in /proc")


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts a benchmark of the given rows in a process group of its own."""
    (tmp_path / "stopping_agents.py").write_text(AGENTS)
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(tmp_path))),
        "PID_FILE": str(tmp_path / "pid"),
        "OMP_NUM_THREADS": "1",
    }

    def begin(*arguments: str, program: tuple[str, ...] = (str(tmp_path / "script.py"),)) -> subprocess.Popen[str]:
        # Tests that a shell started in the background ignore Ctrl-C, and so would what they start.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen(
                [sys.executable, *program, *arguments],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        finally:
            signal.signal(signal.SIGINT, before)

    return begin


def wait_for(what: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def gone(pid: int) -> bool:
    try:
        return state_of(pid) == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def statuses(folder: Path) -> dict[str, str]:
    return {record.name: record.state.status for row in collect(folder).algorithms for record in row.records}


@linux
def test_killed_with_sigkill_then_reported_then_gone_on_with(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    out = tmp_path / "out"
    killed = start(str(out), "1", FIRST, "Second,stopping_agents:Counts,100000", "Third,uniform,0")
    pid = tmp_path / "pid"
    wait_for(lambda: pid.exists() and pid.read_text() != "")
    worker = int(pid.read_text())
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    wait_for(lambda: gone(worker))
    before = {
        "killed/First/seed-0": "finished",
        "killed/Second/seed-0": "unfinished",
        "killed/Third/seed-0": "not started",
    }
    assert statuses(out / "killed") == before
    reported = CliRunner().invoke(app, ["report", str(out)])
    assert reported.exit_code == 0
    assert "killed/Second/seed-0: unfinished" in reported.output
    assert "killed/Third/seed-0: not started" in (out / "killed" / "report.html").read_text().replace("</strong>", "")
    kept = (out / "killed" / "First" / "seed-0" / "result.json").stat().st_mtime_ns

    # Its settings are changed to shorter ones.
    (out / "killed" / "Second" / "seed-0" / "config.json").unlink()
    (out / "killed" / "Second" / "seed-0" / "checkpoint").rename(tmp_path / "moved-away")
    again = start(str(out), "2", FIRST, "Second,stopping_agents:Counts,3", "Third,uniform,0")
    output, _ = again.communicate(timeout=100)
    assert again.returncode == 0, output
    assert set(statuses(out / "killed").values()) == {"finished"}
    assert "started killed/First/seed-0" not in output
    assert (out / "killed" / "First" / "seed-0" / "result.json").stat().st_mtime_ns == kept


@linux
def test_a_worker_does_not_outlive_its_parent(tmp_path: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    """It would write into a folder that another process may take by then."""
    killed = start(str(tmp_path / "out"), "1", "Silent,stopping_agents:Silent,1")
    pid = tmp_path / "pid"
    wait_for(lambda: pid.exists() and pid.read_text() != "")
    worker = int(pid.read_text())
    os.kill(killed.pid, signal.SIGKILL)
    wait_for(lambda: gone(worker), 10)
    killed.communicate()
    assert statuses(tmp_path / "out" / "killed") == {"killed/Silent/seed-0": "unfinished"}


def test_a_worker_that_dies_or_raises_costs_its_own_run_only(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    out = tmp_path / "out"
    after = "After,uniform,0,Dies"
    process = start(str(out), "1", "Dies,stopping_agents:Dies,1", after, "Raises,stopping_agents:Raises,1", FIRST)
    output, _ = process.communicate(timeout=100)
    assert process.returncode == 0, output
    errors = {row.label: r.state.error for row in collect(out / "killed").algorithms for r in row.records}
    assert errors["Dies"] is not None
    assert "ended by SIGKILL" in errors["Dies"].error
    assert errors["After"] is not None
    assert errors["After"].error.startswith(
        "MachineFailed: this run starts from killed/Dies/seed-0, which is unfinished: "
    )
    assert errors["Raises"] is not None
    assert errors["Raises"].error == "RuntimeError: gone wrong"
    assert statuses(out / "killed")["killed/First/seed-0"] == "finished"


@linux
def test_ctrl_z_pauses_all_and_they_go_on(tmp_path: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start(str(tmp_path / "out"), "1", "Counts,stopping_agents:Counts,100000")
    pid = tmp_path / "pid"
    wait_for(lambda: pid.exists() and pid.read_text() != "")
    both = process.pid, int(pid.read_text())
    try:
        os.killpg(process.pid, signal.SIGTSTP)
        wait_for(lambda: all(state_of(each) == "T" for each in both))
        os.killpg(process.pid, signal.SIGCONT)
        wait_for(lambda: all(state_of(each) in "SR" for each in both))
    finally:
        process.kill()
        process.communicate()


@linux
def test_ctrl_c_ends_all_and_reports(tmp_path: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    out = tmp_path / "out"
    arguments = ("run", "smoke", "--seeds", "1", "--jobs", "1", "--out", str(out))
    process = start(*arguments, program=("-m", "benchmarks"))
    wait_for((out / "smoke" / "Random" / "seed-0" / "result.json").exists)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "interrupted" in output
    assert "Traceback" not in output
    assert "3 of 4 runs are left" in output or "2 of 4 runs are left" in output
    assert (out / "smoke" / "report.html").exists()


def invoked(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, " ".join(result.output.split())


def test_list_describes_every_experiment() -> None:
    code, output = invoked("list")
    assert code == 0
    assert all(name in output for name in experiment_names())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "nope"), "there is no experiment 'nope'; there are"),
        (("run", "smoke", "--seeds", "x"), "--seeds 'x'"),
        (("run", "smoke", "--seeds", "0"), "--seeds '0'"),
        (("run", "smoke", "--jobs", "0"), "--jobs 0"),
        (("run", "smoke", "--jobs", "many"), "--jobs"),
        (("run", "smoke", "--size", "huge"), "experiment smoke has no size 'huge'; it has but one"),
        (("run", "smoke", "--device", "quantum"), "device='quantum' cannot be used here"),
        (("run", "smoke", "--device", "meta"), "device='meta' must be cpu, or cuda"),
        (("run", "smoke", "--seeds", "20240131"), "for the one seed of that number write --seeds 20240131,"),
        (("report", "/nowhere/at/all"), "is no folder"),
        (("report", str(ROOT / "benchmarks")), "holds no results"),
        (("no-such-command",), "no-such-command"),
    ],
)
def test_bad_input_is_refused_in_words(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    more = ("--out", str(tmp_path / "out")) if arguments[0] == "run" else ()
    code, output = invoked(*arguments, *more)
    assert code == 2
    assert said in output
    assert "Traceback" not in output
    assert not (tmp_path / "out").exists()


def test_an_out_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    code, output = invoked("run", "smoke", "--out", str(tmp_path / "file"), "--seeds", "1")
    assert code == 2
    assert "error: " in output
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("3", (0, 1, 2)),
        ("0,1,2", (0, 1, 2)),
        ("7,", (7,)),
        ("5, 5,2", (5, 2)),
        ("1", (0,)),
        ("7-9", (7, 8, 9)),
        ("4-4", (4,)),
        ("0, 2 - 3,3", (0, 2, 3)),
    ],
)
def test_seeds(text: str, seeds: tuple[int, ...]) -> None:
    assert parsed_seeds(text) == seeds


def test_more_seeds_than_anyone_waits_for_are_a_slip() -> None:
    assert len(parsed_seeds("10000")) == 10_000
    assert parsed_seeds("20240131,") == (20_240_131,)
    with pytest.raises(ValueError, match=r"--seeds 10001 asks for 10001 seeds, and at most 10000 are run at once"):
        parsed_seeds("10001")
    with pytest.raises(ValueError, match=r"--seeds 5-10{30} asks for 9+6 seeds"):
        parsed_seeds("5-1" + 30 * "0")


@pytest.mark.parametrize("text", ["", "0", "-1", "a", "1,b", "1.5", ",", "1;2", "9-7", "3-", "1-2-3", "0-"])
def test_seeds_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="--seeds"):
        parsed_seeds(text)
