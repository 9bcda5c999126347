"""Import paths of the user's own: where what they name is looked for."""

from __future__ import annotations

import os
import sys


def look_in_current_folder() -> None:
    """Modules in the current folder can be imported from now on, as `python -m` has it; worker processes, which are
    started with the same path, find them too."""
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
