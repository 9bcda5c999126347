"""Export of a tidy frame into a file that other programs read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args, get_type_hints

from benchmarks.exchange.frames import COLUMNS, Row, values
from benchmarks.report.files import csv_text
from benchmarks.specs.settings import no_such
from benchmarks.store.run_folder import write_text, write_whole

KINDS = ("csv", "parquet")


def kind_of(out: Path, to: str | None) -> str:
    """The kind of a file, which its ending tells.

    Raises:
        ValueError: another kind, or an ending that is not its own.
    """
    ending = out.suffix.removeprefix(".").lower()
    kind = ending if to is None else to
    if kind not in KINDS:
        what = f"--to {kind!r}" if to is not None else f"--out {str(out)!r}: its ending {ending!r}"
        raise ValueError(f"{what} {no_such(kind, KINDS)}")
    if ending != kind:
        raise ValueError(f"--out {str(out)!r} must end in .{kind}, as --to says; nothing was written")
    return kind


def write_frame(rows: Sequence[Row], out: Path, kind: str) -> None:
    """Writes a frame, whole or not at all.

    Args:
        rows: of the frame.
        out: the file.
        kind: "csv" or "parquet".

    Raises:
        ImportError: "parquet" without pyarrow.
        OSError: a file that cannot be written.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    if kind == "csv":
        write_text(out, csv_text(COLUMNS, (dict(zip(COLUMNS, each, strict=True)) for each in values(rows))))
        return
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(
            '--to parquet writes with pyarrow, which is not installed: pip install "textgen-env[export]", or take '
            "--to csv"
        ) from error
    types = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64()}
    schema = pyarrow.schema([(name, types[_plain(hint)]) for name, hint in get_type_hints(Row).items()])
    columns = list(zip(*values(rows), strict=True)) or [()] * len(COLUMNS)
    table = pyarrow.table([list(each) for each in columns], schema=schema)
    write_whole(out, partial(_write, parquet, table))


def _write(parquet: Any, table: Any, path: Path) -> None:
    parquet.write_table(table, str(path))


def _plain(hint: Any) -> type:
    """Of `int | None`, int."""
    found: type = (get_args(hint) or (hint,))[0]
    return found
