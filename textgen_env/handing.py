"""Handing of the game's arrays to tasks and rewards: those of users get views that cannot be written to."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

PACKAGE = __name__.partition(".")[0]


class Handing(NamedTuple):
    """Way in which arrays are handed to `owner`, a task or a reward.

    What this package defines itself leaves arrays unchanged and gets them as they are: its compiled loops know
    writable ones. Any other owner, a subclass included, gets views of which NumPy refuses to be written to, so that no
    mistake of it reaches the game.
    """

    to_others: bool

    @classmethod
    def of(cls, owner: object) -> Handing:
        """That of an owner, by where its class was defined."""
        return cls(type(owner).__module__.partition(".")[0] != PACKAGE)

    def __call__(self, array: NDArray[Any]) -> NDArray[Any]:
        """The array, or a view of it that cannot be written to."""
        if not self.to_others:
            return array
        view = array.view()
        view.flags.writeable = False
        return view
