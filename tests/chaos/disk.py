"""Disk that is full, at any moment, and has room again."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from chaos.command import differences, done, left_in
from chaos.trial import Plan, Setting, Trial

BYTES = 4 << 20


def disks(rounds: int) -> list[Plan]:
    """Commands on a disk with so little room that they stop at some moment."""
    return [(f"full disk, round {number}", partial(_full, number, rounds)) for number in range(rounds)]


def why_no_disk(place: Path) -> str:
    """Why no small disk can be had here; "" where it can."""
    if shutil.which("mount") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "mounts a small disk, which root alone may"
    try:
        with small_disk(place):
            return ""
    except subprocess.CalledProcessError as error:
        return f"no disk can be mounted here: {error.stderr.strip()}"


@contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """A disk of `BYTES` in a folder, which is made."""
    place.mkdir(parents=True)
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={BYTES}", "tmpfs", str(place)]
    try:
        subprocess.run(mounted, check=True, capture_output=True, text=True)
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", str(place)], check=True)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _full(number: int, rounds: int, setting: Setting) -> Trial:
    disk = setting.place / "disk"
    with small_disk(disk):
        inside = replace(setting, place=disk)
        needed = sum(-(-len(content) // 4096) * 4096 for content in setting.whole.values())
        free = needed * (2 * number + 1) // (2 * rounds)
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file:
            file.write(bytes(shutil.disk_usage(disk).free - free))
        out = inside.place / "out"
        first = done(out)
        status, said = first.process.returncode, first.said
        what = f"{free:,} bytes free of the {needed:,} that are needed"
        gone_on = out.exists() and any(out.rglob("progress.json"))
        filler.unlink()
        last = done(out)
        wrong = ", ".join(differences(left_in(out), setting.whole))
        if status == 0 or last.process.returncode:
            wrong = f"exit statuses {status}, {last.process.returncode}: {last.said[-500:]}"
        elif "No space left on device" not in said or str(disk) not in said.replace("\n", ""):
            wrong = f"not said, or the path is not named: {said[-500:]}"
        return Trial("full disk", what, True, gone_on, wrong=wrong)
