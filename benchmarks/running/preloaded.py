"""Modules that runs load, loaded once: by the process that a run's own process is forked from.

Loading starts no threads of torch's and no device, and draws nothing. No kernels are loaded: their bits may depend on
the order, which is each run's own.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

# Beside the job itself what it loads when it is at work: for event files, by torch's optimizers, by kernels.
MODULES = ("benchmarks.running.job", "torch.utils.tensorboard", "torch._dynamo", "numba")

for _module in MODULES:
    # What cannot be loaded is not there, or fails in the run that needs it, which says so.
    with suppress(Exception):
        import_module(_module)
