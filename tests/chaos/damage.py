"""Damage: one file at a time is changed behind the command's back."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from chaos.command import differences, done, left_in
from chaos.trial import Plan, Setting, Trial


def _flipped(content: bytes, draws: random.Random) -> bytes:
    at = draws.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << draws.randrange(8)]) + content[at + 1 :]


def _digit(content: bytes, draws: random.Random) -> bytes:
    """Another digit in the place of one, which leaves JSON readable."""
    digits = [at for at, byte in enumerate(content) if chr(byte).isdecimal()]
    if not digits:
        return _flipped(content, draws)
    at = draws.choice(digits)
    return content[:at] + str((int(chr(content[at])) + draws.randrange(1, 10)) % 10).encode() + content[at + 1 :]


KINDS: Mapping[str, Callable[[bytes, random.Random], bytes]] = {
    "a bit flipped": _flipped,
    "a digit changed": _digit,
    "cut in half": lambda content, draws: content[: len(content) // 2],
    "emptied": lambda content, draws: b"",
    "zeroes": lambda content, draws: bytes(len(content)),
    "longer": lambda content, draws: content + b"\n{}",
}


def damages(states: Mapping[str, tuple[Path, str]], kinds: int, draws: random.Random, most: int = 0) -> list[Plan]:
    """Every file of every state, damaged in so many ways each; at most so many in all, if any number is given.

    Args:
        states: name -> the folder of results, and the algorithm whose runs' files alone are damaged; "" for all files.
        kinds: ways.
        draws: chooses among the ways that are easily seen.
        most: in all; 0 for any number.
    """
    plans: list[Plan] = []
    for state, (folder, label) in states.items():
        for name in left_in(folder):
            if label not in ("", Path(name).parts[1]):
                continue
            # Bits and digits are what is hardest to see.
            hard, easy = list(KINDS)[:2], list(KINDS)[2:]
            for kind in (*hard, *draws.sample(easy, len(easy)))[:kinds]:
                plans.append((f"{state}: {name} {kind}", partial(_damaged, state, name, kind)))
    return draws.sample(plans, most) if 0 < most < len(plans) else plans


def _damaged(state: str, name: str, kind: str, setting: Setting) -> Trial:
    out = setting.begun_as(state)
    path = out / name
    path.write_bytes(KINDS[kind](path.read_bytes(), setting.draws))
    what = f"{state}: {name}: {kind}"
    first = done(out)
    wrong = differences(left_in(out), setting.whole)
    if first.process.returncode == 0 or not wrong:
        return Trial("damage", what, wrong=", ".join(wrong))
    run = path.relative_to(out).parent
    folder = Path(*run.parts[:3])
    if not any(said in first.said.replace("\n", "") for said in (path.name, str(folder))):
        return Trial("damage", what, wrong=f"not named: {first.said[-500:]}")
    # The remedy of every refusal: what is moved away is made anew.
    if len(folder.parts) == 3:
        shutil.move(out / folder, setting.place / "moved-away")
    else:
        path.unlink()
    second = done(out, "--retry")
    wrong = differences(left_in(out), setting.whole)
    failed = f"exit status {second.process.returncode}: {second.said[-500:]}" if second.process.returncode else ""
    return Trial("damage", what, refused=True, wrong=failed or ", ".join(wrong))
