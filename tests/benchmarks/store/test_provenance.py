"""Provenance: all that a run's numbers depend on is told apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.store import provenance
from benchmarks.store.provenance import DECISIVE, LOOPS, decisive_differences, versions
from textgen_env.kernels import SWITCH

ROOT = Path(__file__).resolve().parents[3]


def told(**environment: str) -> dict[str, str]:
    """What another process says, with this in its environment."""
    code = "import json; from benchmarks.store.provenance import versions; print(json.dumps(versions()))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_all_that_is_compared_is_kept() -> None:
    assert versions().keys() >= set(DECISIVE)
    assert decisive_differences(versions(), versions()) == []


def test_other_processes_say_the_same_but_for_what_is_chosen() -> None:
    here, there = versions(), told(ATEN_CPU_CAPABILITY="default")
    assert [line.split()[0] for line in decisive_differences(there, here)] == ["instructions"]
    assert there["instructions"].endswith("ATEN_CPU_CAPABILITY=default")


def test_loops_are_told_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "kernels", lambda name: None if name == "edit" else object())
    assert versions()["loops"] == "plain: edit"
    monkeypatch.setattr(provenance, "kernels", lambda name: None)
    assert versions()["loops"] == "plain"
    monkeypatch.setattr(provenance, "kernels", lambda name: object())
    assert versions()["loops"] == "compiled"
    monkeypatch.setenv(SWITCH, "0")
    assert versions()["loops"] == "plain"


def test_every_kernel_is_asked_for() -> None:
    folder = ROOT / "textgen_env" / "kernels"
    assert {path.stem for path in folder.glob("*.py")} - {"__init__", "compiling", "hashing", "kept_code"} == set(LOOPS)


def test_the_code_is_told_by_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("textgen_env", "agents", "benchmarks"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    monkeypatch.setattr(provenance.agents, "__file__", str(tmp_path / "agents" / "__init__.py"))
    found = {provenance.code_digest.__wrapped__()}
    (tmp_path / "agents" / "more.py").write_text("a = 1")
    found.add(provenance.code_digest.__wrapped__())
    (tmp_path / "agents" / "more.py").write_text("a = 2")
    found.add(provenance.code_digest.__wrapped__())
    assert len(found) == 3
