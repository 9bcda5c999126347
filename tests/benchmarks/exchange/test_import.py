"""`import`: results of other tools in the same tables, and each mistake in a CSV named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.analysis.load import collect
from benchmarks.cli import app
from benchmarks.exchange.frames import rows_in
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment
from support.tiny_experiment import do

OWN = Experiment(
    name="shown",
    description="a test",
    env_id="TextGen-Tiny-v0",
    algorithms=(Algorithm("MLE", "mle", 200, num_envs=4),),
    seeds=(0,),
    evaluation=Evaluation(points=2, episodes=4, final_episodes=16, measures=("bleu_2",), validation="nll"),
)
OTHERS = """label,seed,tokens,measure,value,error
TRL,0,100,return,0.5,
TRL,0,500,return,1.25,0.02
TRL,0,500,bleu_2,0.4,0.01
TRL,0,500,my_measure,7,
TRL,1,100,return,-0.4,
TRL,1,500,return,1.45,
TRL,1,500,bleu_2,0.5,0.01
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "theirs.csv"
    path.write_text(OTHERS, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("own")
    do(OWN, out)
    return out


def imported(file: Path, out: Path, *more: str) -> str:
    result = CliRunner().invoke(app, ["import", str(file), "--out", str(out), *more], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


def refused(file: Path, out: Path, *more: str) -> str:
    """What is said; nothing is written."""
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    result = CliRunner().invoke(app, ["import", str(file), "--out", str(out), *more])
    assert result.exit_code == 2, result.output
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    return " ".join(result.output.split())


def test_others_stand_beside_own_runs(file: Path, own: Path) -> None:
    output = imported(file, own, "--name", "shown")
    assert "TRL: imported from theirs.csv, not run here." in output
    found = collect(own / "shown")
    assert found.experiment.env_id == "TextGen-Tiny-v0"
    assert [each.label for each in found.algorithms] == ["MLE", "TRL"]
    assert found.algorithms[1].values == {"return": [1.25, 1.45], "bleu_2": [0.4, 0.5], "my_measure": [7.0]}
    assert [point.tokens for point in found.algorithms[1].results[0].curve] == [100, 500]
    assert found.warnings == ()
    page = (own / "shown" / "report.html").read_text(encoding="utf-8")
    assert "my_measure" in page
    # The own experiment goes on beside them.
    heard = do(OWN, own, seeds=(0, 1))
    assert heard.ended() == [("MLE", "finished")]
    assert [each.label for each in collect(own / "shown").algorithms] == ["MLE", "TRL"]
    shared = CliRunner().invoke(app, ["work", str(own / "shown"), "--jobs", "1"])
    assert shared.exit_code == 0, shared.output
    assert "2 were there already" in imported(file, own, "--name", "shown")
    for command in ("evaluate", "watch", "sample"):
        result = CliRunner().invoke(app, [command, str(own / "shown" / "TRL" / "seed-0")])
        assert result.exit_code == 2
        assert "was imported: there are its measures, and no agent" in " ".join(result.output.split())


def test_what_is_exported_is_imported_as_it_was(own: Path, tmp_path: Path) -> None:
    CliRunner().invoke(app, ["export", str(own), "--out", str(tmp_path / "one.csv")])
    imported(tmp_path / "one.csv", tmp_path / "again")
    strip = [(row.label, row.seed, row.split, row.measure, row.tokens, row.value, row.error) for row in rows_in([own])]
    again = rows_in([tmp_path / "again"])
    assert strip == [(row.label, row.seed, row.split, row.measure, row.tokens, row.value, row.error) for row in again]
    assert {row.split for row in again} == {"curve", "final", "best"}


def test_failures_are_kept_as_such(tmp_path: Path) -> None:
    file = tmp_path / "theirs.csv"
    file.write_text(
        "label,seed,tokens,measure,value,status,environment\n"
        "A,0,10,return,1,finished,CartPole-v1\nA,1,10,return,2,diverged,CartPole-v1\n"
        "A,2,,,,failed,\nA,3,,,,not started,\n"
    )
    output = imported(file, tmp_path / "out")
    assert "1/4, 1 failed, 1 diverged, 1 missing" in output
    found = collect(tmp_path / "out" / "theirs")
    assert [record.outcome for record in found.algorithms[0].records] == [
        "finished",
        "diverged",
        "failed",
        "not started",
    ]
    assert found.experiment.env_id == "CartPole-v1"


def test_an_interrupted_import_goes_on(file: Path, tmp_path: Path) -> None:
    imported(file, tmp_path / "out")
    (tmp_path / "out" / "theirs" / "TRL" / "seed-1" / "result.json").unlink()
    assert "1 runs imported, 1 were there already" in imported(file, tmp_path / "out")
    assert len(collect(tmp_path / "out" / "theirs").results) == 2


def test_whole_numbers_of_tables_with_gaps(tmp_path: Path) -> None:
    file = tmp_path / "theirs.csv"
    file.write_text(HEAD + "A,0.0,500.0,return,1\n")
    imported(file, tmp_path / "out")
    (record,) = collect(tmp_path / "out" / "theirs").algorithms[0].records
    assert (record.seed, record.state.result and record.state.result.curve[-1].tokens) == (0, 500)


def test_one_file_of_several_experiments(tmp_path: Path) -> None:
    file = tmp_path / "both.csv"
    file.write_text("experiment,label,seed,tokens,measure,value\none,A,0,5,return,1\ntwo,A,0,5,return,2\n")
    imported(file, tmp_path / "out")
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["one", "two"]


HEAD = "label,seed,tokens,measure,value\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("label,seed,tokens,measure\nA,0,5,return\n", "line 1: the column value is missing; there are label, seed"),
        (
            "label;seed;tokens;measure;value\nA;0;5;return;1\n",
            "line 1: its columns are parted by ';'; part them by commas",
        ),
        ("", "line 1: the column label, seed, measure, tokens, value is missing; there are none"),
        ("label,seed,tokens,measure,value,secs\nA,0,5,return,1,3\n", "'secs' must be one of"),
        ("label,seed,tokens,measure,value,value\nA,0,5,return,1,3\n", "the column 'value' is there twice"),
        (HEAD, "there are columns and no measurements"),
        (HEAD + "A,0,5,return,1\nA,0,5,bleu_2,good\n", "line 3: value='good' must be a finite number; correct it"),
        (HEAD + "A,0,5,return,nan\n", "line 2: value='nan' must be a finite number"),
        (HEAD + "A,x,5,return,1\n", "line 2: seed='x' must be a whole number >= 0"),
        (HEAD + "A,0,-5,return,1\n", "line 2: tokens='-5' must be a whole number >= 0"),
        (HEAD + "A,0,5.5,return,1\n", "line 2: tokens='5.5' must be a whole number >= 0"),
        (HEAD + f"A,{'9' * 400},5,return,1\n", "must be a whole number >= 0"),
        (HEAD + "A,0,,return,1\n", "line 2: tokens='' must be a whole number >= 0"),
        (
            HEAD + "A,0,5,return,1\nB,0,5,return,1\n\nA,0,5,return,2\n",
            "line 5: A, seed 0, return at tokens=5 is in line 2",
        ),
        (HEAD + "A,0,5,return\n", "line 2: 4 entries under 5 columns; quote an entry that has a comma"),
        (HEAD + 'A,0,5,return,"1\n', "no CSV"),
        (HEAD + "../A,0,5,return,1\n", "line 2: label='../A' names a folder"),
        (HEAD + "A,0,5,BLEU 2,1\n", "line 2: measure='BLEU 2' must consist of letters, digits and '_'"),
        (HEAD + "A,0,5,bleu_2,1\n", "line 2: A, seed 0, tokens=5, has bleu_2 and no return; add a line of it"),
        (HEAD + "A,0,5,return,1\na,1,5,return,1\n", "labels must differ in more than case, got A, a"),
        (
            HEAD.replace("value", "value,split") + "A,0,5,return,1,end\n",
            "line 2: split='end' must be one of curve, final",
        ),
        (
            HEAD.replace("value", "value,split") + "A,0,5,return,1,final\nA,0,9,return,1,curve\n",
            "line 2: tokens=5 of the split final must not be below 9, where the curve of A, seed 0, ends",
        ),
        (
            HEAD.replace("value", "value,seconds") + "A,0,5,return,1,3\nA,0,5,bleu_2,1,4\n",
            "line 3: seconds=4.0 of A, seed 0, is 3.0 in line 2; say one thing of one point",
        ),
        (
            HEAD.replace("value", "value,status") + "A,0,5,return,1,finished\nA,0,6,return,1,failed\n",
            "line 3: status='failed' of A, seed 0, is 'finished' in line 2; say one thing of one run",
        ),
        (
            HEAD.replace("value", "value,status") + "A,0,5,return,1,done\n",
            "line 2: status='done' must be one of finished",
        ),
        (HEAD.replace("value", "value,status") + "A,0,5,return,1,unfinished\n", "call it failed or finished"),
        (
            HEAD.replace("value", "value,environment") + "A,0,5,return,1,X-v0\nB,0,5,return,1,Y-v0\n",
            "line 3: environment='Y-v0', but line 2 has 'X-v0'",
        ),
    ],
)
def test_mistakes_are_named_with_their_line(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "theirs.csv"
    file.write_text(text, encoding="utf-8")
    assert words in refused(file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_there_is_not_overwritten(file: Path, own: Path, tmp_path: Path) -> None:
    imported(file, tmp_path)
    file.write_text(HEAD + "trl,7,5,return,1\n")
    assert "label='trl' differs from 'TRL' in case alone" in refused(file, tmp_path)
    file.write_text(OTHERS.replace("1.25", "1.26"))
    assert "is there already, with other numbers; nothing was written" in refused(file, tmp_path)
    file.write_text(HEAD + "MLE,7,5,return,1\n")
    assert "label='MLE' was run here; give the imported runs another label" in refused(file, own, "--name", "shown")
    file.write_text(HEAD.replace("value", "value,environment") + "B,7,5,return,1,Other-v0\n")
    assert "but the experiment that is there has 'TextGen-Tiny-v0'" in refused(file, own, "--name", "shown")
    (tmp_path / "shown").mkdir()
    (tmp_path / "shown" / "experiment.json").write_text("{")
    refused(file, tmp_path, "--name", "shown")


def test_files_that_are_none(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "nothing.csv", tmp_path / "out")
    (tmp_path / "latin.csv").write_bytes((HEAD + "A,0,5,return,1\nÄ,0,5,return,1\n").encode("latin-1"))
    assert "save it as UTF-8" in refused(tmp_path / "latin.csv", tmp_path / "out")
    (tmp_path / "a b.csv").write_text(HEAD + "A,0,5,return,1\n")
    assert "--name 'a b' names a folder" in refused(tmp_path / "a b.csv", tmp_path / "out")
