"""Leases: one process at a time writes into a run's folder, on whatever machine, by whatever clock."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.store import lease as leasing
from benchmarks.store.lease import Lease, LeaseLost, claimed, standing
from benchmarks.store.leases import Leases
from benchmarks.store.run_folder import write_json

ROOT = Path(__file__).parents[3]
HOLD = "import sys, time\nfrom pathlib import Path\nfrom benchmarks.store.leases import Leases\n"
HOLD += "Leases().claim(Path(sys.argv[1]))\nprint('held', flush=True)\ntime.sleep(60)"
CLAIMS = 25
locks = pytest.mark.skipif(sys.platform == "win32", reason="has no locks that end with a process")


class Clock:
    """Clock that stands still unless it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def had(lease: Lease | None) -> Lease:
    assert lease is not None
    return lease


def of_another_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Lease:
    """A lease that a process on another machine has claimed, which gives no sign of life."""
    with monkeypatch.context() as there:
        there.setattr(leasing, "kernel", lambda: "0123456789ab")
        return had(claimed(folder, standing(folder)))


def aged(lease: Lease, seconds: float) -> None:
    """Sets back the time of its last sign."""
    then = time.time_ns() - int(seconds * 1e9)
    os.utime(lease.place, ns=(then, then))


def test_one_that_is_held_is_had_by_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with Leases() as ours, Leases() as theirs:
        lease = had(ours.claim(folder))
        assert theirs.claim(folder) is None
        assert ours.claim(folder) is None
        assert theirs.is_held(folder)
        ours.release(lease)
        had(theirs.claim(folder))
    assert list(folder.iterdir()) == []


@locks
def test_a_process_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == b"held"
        with Leases() as leases:
            assert leases.claim(tmp_path) is None
            holder.kill()
            holder.wait()
            assert had(leases.claim(tmp_path)).number == 2
    assert list(tmp_path.iterdir()) == []


def test_of_another_machine_it_is_stale_when_the_file_system_and_a_while_of_looking_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease, clock = of_another_machine(tmp_path, monkeypatch), Clock()
    with Leases(60, clock) as leases:
        aged(lease, 61)
        assert leases.claim(tmp_path) is None, "it may have been looked at between two signs of life"
        clock.now = 19
        assert leases.claim(tmp_path) is None
        clock.now = 20
        taken = had(leases.claim(tmp_path))
        assert taken.number == lease.number + 1
        assert not lease.is_held()
        assert [path.name for path in tmp_path.iterdir()] == [taken.place.parent.name]


def test_a_sign_of_life_begins_the_while_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lease, clock = of_another_machine(tmp_path, monkeypatch), Clock()
    with Leases(60, clock) as leases:
        # The owner's signs come; to the file system's clock they are always too old.
        for sign in range(20):
            aged(lease, 1_000 + sign)
            clock.now += 19
            assert leases.claim(tmp_path) is None
    assert lease.is_held()


@pytest.mark.parametrize("seconds", [59.0, -59.0])
def test_the_machines_own_clock_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """However long it is looked at, and whatever it thinks that the time is."""
    lease, clock = of_another_machine(tmp_path, monkeypatch), Clock()
    aged(lease, seconds)
    with Leases(60, clock) as leases, monkeypatch.context() as off:
        for name in ("time", "time_ns"):
            off.setattr(time, name, lambda: 10**19)
        assert leases.claim(tmp_path) is None
        clock.now = 30
        assert leases.claim(tmp_path) is None


def test_a_file_systems_clock_that_was_set_back_keeps_no_lease_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease, clock = of_another_machine(tmp_path, monkeypatch), Clock()
    aged(lease, -10_000)
    with Leases(60, clock) as leases:
        assert leases.claim(tmp_path) is None
        clock.now = 20
        had(leases.claim(tmp_path))


def test_signs_are_given_as_long_as_it_is_held(tmp_path: Path) -> None:
    with Leases(0.3) as leases:
        lease = had(leases.claim(tmp_path))
        before = lease.place.stat().st_mtime_ns
        for _ in range(200):
            time.sleep(0.02)
            if lease.place.stat().st_mtime_ns > before:
                break
        else:
            pytest.fail("no sign of life")
        leasing._move_away(tmp_path, lease.place.parent)
        for _ in range(200):
            time.sleep(0.02)
            if leases.is_lost(lease):
                break
        else:
            pytest.fail("it does not know")


WRITES: dict[str, Callable[[Lease, Path], None]] = {
    "write": lambda lease, path: write_json(path, {"late": 1}, lease),
    "remove": lambda lease, path: lease.remove(path),
    "put": lambda lease, path: lease.write_whole(path, lambda draft: draft.write_text("late")),
}


@pytest.mark.parametrize("how", WRITES)
def test_who_has_lost_it_neither_writes_nor_removes(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lease, result = of_another_machine(tmp_path, monkeypatch), tmp_path / "result.json"
    aged(lease, 100)
    clock = Clock()
    with Leases(60, clock) as leases:
        leases.claim(tmp_path)
        clock.now = 20
        write_json(result, {"whole": 1}, had(leases.claim(tmp_path)))
        before = result.read_bytes()
        with pytest.raises((FileNotFoundError, LeaseLost)):
            WRITES[how](lease, result)
        assert result.read_bytes() == before
        with pytest.raises(LeaseLost):
            lease.check()
        lease.release()
        assert standing(tmp_path) is not None, "what it releases is its own alone"
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_one_that_is_held_up_between_its_last_look_and_the_rename_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease, result, clock = of_another_machine(tmp_path, monkeypatch), tmp_path / "result.json", Clock()

    def write(draft: Path) -> None:
        draft.write_text("late")
        lease.check()
        aged(lease, 100)
        with Leases(60, clock) as leases:
            leases.claim(tmp_path)
            clock.now = 20
            write_json(result, {"whole": 1}, had(leases.claim(tmp_path)))

    with pytest.raises(FileNotFoundError):
        lease.write_whole(result, write)
    assert result.read_text() != "late"


def test_a_renewed_lease_ends_what_goes_by_the_last(tmp_path: Path) -> None:
    with Leases() as leases:
        first = had(leases.claim(tmp_path))
        second = had(leases.renewed(first))
        assert (first.is_held(), second.is_held()) == (False, True)
        assert leases.renewed(first) is None
        assert second.is_held()


@pytest.mark.parametrize("left", ["an empty folder", "a file", "a link", "another name in it"])
def test_what_was_never_a_lease_is_in_nobodys_way(left: str, tmp_path: Path) -> None:
    path = tmp_path / ".lease-7"
    if left == "a file":
        path.write_text("")
    elif left == "a link":
        path.symlink_to(tmp_path)
    else:
        path.mkdir()
        if left == "another name in it":
            (path / "nothing").mkdir()
    os.utime(path, ns=(0, 0), follow_symlinks=False)
    clock = Clock()
    with Leases(60, clock) as leases:
        leases.claim(tmp_path)
        clock.now = 20
        assert had(leases.claim(tmp_path)).number == 8
    assert list(tmp_path.iterdir()) == []


def test_numbers_have_as_many_digits_as_they_need(tmp_path: Path) -> None:
    (tmp_path / f".lease-{10**15 - 1}").touch()
    os.utime(tmp_path / f".lease-{10**15 - 1}", ns=(0, 0))
    clock = Clock()
    with Leases(60, clock) as leases:
        leases.claim(tmp_path)
        clock.now = 20
        assert had(leases.claim(tmp_path)).number == 10**15


def claim_together(folder: Path, begin: float, had: multiprocessing.Queue[tuple[int, str]]) -> None:
    """Claims folders one after the other, at the same moments as others do."""
    with Leases() as leases:
        for number in range(CLAIMS):
            time.sleep(max(0.0, begin + number * 0.02 - time.monotonic()))
            lease = leases.claim(folder / str(number))
            if lease is not None:
                had.put((number, lease.token))
        had.put((-1, ""))
        # Held until all have tried.
        time.sleep(max(0.0, begin + CLAIMS * 0.02 + 3 - time.monotonic()))


@pytest.mark.parametrize("stands", [False, True])
def test_of_many_that_claim_at_the_same_moment_one_has_it(
    stands: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that nobody holds; or one of which all know at the same moment that its owner is gone."""
    for number in range(CLAIMS if stands else 0):
        of_the_dead = had(claimed(tmp_path / str(number), None))
        leasing._let_go(of_the_dead.token)
    context = multiprocessing.get_context("spawn")
    found: multiprocessing.Queue[tuple[int, str]] = context.Queue()
    begin = time.monotonic() + 4
    processes = [context.Process(target=claim_together, args=(tmp_path, begin, found)) for _ in range(4)]
    for process in processes:
        process.start()
    told = []
    while told.count((-1, "")) < len(processes):
        told.append(found.get(timeout=60))
    holders = {}
    for number in range(CLAIMS):
        counts = standing(tmp_path / str(number))
        assert counts is not None
        holders[number] = counts.sign[0]
        assert (number, holders[number]) in told
    for process in processes:
        process.join()
    # Of two that stole at once one may have been told of the lease before the other took it: it can write no more.
    assert len(told) - len(processes) == CLAIMS if not stands else len(told) - len(processes) >= CLAIMS


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_times_that_are_none_are_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match=f"stale_after={seconds} must be a number of seconds above 0"):
        Leases(seconds)
