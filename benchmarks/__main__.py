"""Entry of `python -m benchmarks`."""

import sys

from benchmarks.cli import app

if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        # On a terminal that is not UTF-8 a letter that it lacks is a question mark, and no error.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    app(prog_name="python -m benchmarks")
