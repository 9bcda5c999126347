"""A hidden text that changes as texts are written: a reward that an agent must keep up with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from textgen_env.checks import check_at_least
from textgen_env.rewards.goal import GoalReward
from textgen_env.tasks.base import Sources, Task
from textgen_env.vocabulary import IntArray

if TYPE_CHECKING:
    from torch import Tensor


class DriftingGoalReward(GoalReward):
    """The reward "goal", whose goal changes in one place after every `every` finished texts. No unit.

    The n-th change moves the letter at place n of the goal, counted round, to the next one of the alphabet, counted
    round; a decoy's alike. It is a function of the number of finished texts alone, and takes place at the end of an
    episode, after the texts that ended in that step were paid. Texts that are played for evaluation do not count.
    Environments that are given one bound object share its goal, and the texts of all of them count.

    Args:
        every: finished texts from one change to the next; 0: it never changes.
        sparsity, modes, bait, noise, seed: as of `GoalReward`.

    Raises:
        TypeError, ValueError: an argument that is not allowed.
    """

    name = "drifting_goal"

    def __init__(
        self,
        every: int = 1_000,
        sparsity: int = 1,
        modes: int = 1,
        bait: float | None = None,
        noise: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(sparsity, modes, bait, noise, seed)
        self.every = check_at_least("every", every, least=0)
        self._finished = 0
        self._first: IntArray = self._goals
        self._letters = 0
        self._task: Task | None = None

    @property
    def finished(self) -> int:
        """Texts that have ended so far."""
        return self._finished

    def bind(self, task: Task) -> Self:
        """A copy at its first goal; itself where it is bound to a task of the same sizes already.

        Raises:
            ValueError: as `GoalReward.bind`; it is bound to a task of other sizes.
        """
        if self._task is not None:
            if _sizes(task) != _sizes(self._task):
                raise ValueError(
                    f"reward={self!r} is bound to another task; give this environment a reward of its own, "
                    f"reward={{'name': 'drifting_goal', 'every': {self.every}}}"
                )
            return self
        bound = super().bind(task)
        bound._task, bound._first = task, bound._goals
        bound._letters = len(task.vocabulary) - (task.vocabulary.eos_id is not None)
        return bound

    def episodes_ended(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> None:
        """Counts the texts, and changes the goal where it is time."""
        self._move_to(self._finished + len(lengths))

    def episode_ended(self, text: IntArray) -> bool:
        """`episodes_ended` of one text (T,)."""
        self._move_to(self._finished + 1)
        return True

    def state_dict(self) -> dict[str, Tensor]:
        """All that changes, "finished" () int64."""
        import torch

        return {"finished": torch.tensor(self._finished)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from where the reward was that returned `state`.

        Raises:
            ValueError: no state of this reward.
        """
        finished = state.get("finished")
        if state.keys() != {"finished"} or finished is None or finished.ndim or finished.is_floating_point():
            raise ValueError(f"state={dict(state)!r} must be what state_dict() returned: 'finished', a whole number")
        self._move_to(check_at_least("finished", int(finished), least=0))

    def _move_to(self, finished: int) -> None:
        """Puts the goal where it is after so many texts."""
        before, self._finished = self._finished, finished
        if not self.every or finished // self.every == before // self.every:
            return
        changes, places = finished // self.every, self._first.shape[1]
        goals = self._first.copy()
        for place in range(places):
            moves = (changes + places - 1 - place) // places
            goals[:, place] = self._moved(goals[:, place], moves)
        self._goals = goals

    def _moved(self, letters: IntArray, by: int) -> IntArray:
        """Letters `by` places further on in the alphabet, counted round, the end token passed over."""
        assert self._task is not None
        end = self._task.vocabulary.eos_id
        if end is None:
            return (letters + by) % self._letters
        order = (letters - (letters > end) + by) % self._letters
        return order + (order >= end)


def _sizes(task: Task) -> tuple[int, int, int | None]:
    return len(task.vocabulary), task.max_length, task.vocabulary.eos_id
