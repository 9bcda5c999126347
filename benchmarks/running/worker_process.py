"""Worker's own side: what the process of one run does, and tells."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.running.machine_failures import machine_failure
from benchmarks.store.results import Failure

BEGUN, ADVANCED, DONE = "begun", "advanced", "done"
# What is told of an error; a message that does not go into a pipe at once is not whole if the process is killed.
MOST_CHARACTERS = 10_000


def serve(
    connection: Connection,
    trace: int | None,
    execute: Callable[[Any, Callable[[int], None]], str | None],
    run: Any,
    timeout: float | None,
    environment: Mapping[str, str],
) -> None:
    """Does a run and tells of it: `BEGUN`, `ADVANCED` with tokens now and then, `DONE` with "", the error that was
    recorded, or a `Failure` that could not be.

    Args:
        connection: to tell through.
        trace: file that tells where the process was when it crashed, or its time was over.
        execute: does it.
        run: what is done.
        timeout: seconds after which the process ends; None for never.
        environment: variables, in place of those of the process that this one was forked from.
    """
    _lead_a_group()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if environment != os.environ:
        os.environ.clear()
        os.environ.update(environment)
    if trace is not None:
        faulthandler.enable(trace)
    tell = partial(_tell, connection, os.getpid())
    tell(BEGUN, None)
    if timeout is not None and trace is not None:
        faulthandler.dump_traceback_later(timeout, file=trace, exit=True)
    outcome: str | Failure
    try:
        _settle_libraries()
        outcome = (execute(run, partial(tell, ADVANCED)) or "")[:MOST_CHARACTERS]
    except Exception as error:
        said = machine_failure(error, Path.cwd()) or f"{type(error).__name__}: {error}"
        outcome = Failure(said[:MOST_CHARACTERS], traceback.format_exc()[-MOST_CHARACTERS:])
    faulthandler.cancel_dump_traceback_later()
    tell(DONE, outcome)


def _settle_libraries() -> None:
    import numpy as np
    import torch

    torch.set_num_threads(1)
    # A forked process would draw what all others do from the generator that it shares with them by no will of theirs.
    np.random.seed(None)  # noqa: NPY002


def _lead_a_group() -> None:
    if hasattr(os, "setsid"):
        os.setsid()


def _end_with_parent() -> None:
    """However the parent ends, this process ends at once: the folders that it writes into are free for others then."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    _end()


def _end() -> None:
    """Ends this process, with the children that its run left."""
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _tell(connection: Connection, owner: int, kind: str, content: int | str | Failure | None) -> None:
    if os.getpid() != owner:
        # A copy of the run, which its agent forked and which has come back: there is but one run.
        os._exit(1)
    try:
        connection.send((kind, content))
    except OSError:
        # The parent is gone: what is half done must not go on, nor be taken for a run that failed.
        _end()
