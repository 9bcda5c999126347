"""Q-learning (Watkins and Dayan 1992, "Q-learning"): the values of the best policy, whatever policy writes the
texts."""

from __future__ import annotations

from dataclasses import dataclass

from agents.value.tabular import ControlConfig, Step, TabularControl


@dataclass(frozen=True)
class QLearningConfig(ControlConfig):
    """Hyperparameters. With omega in (1/2, 1] and every token tried for ever, Q comes to Q* (Watkins and Dayan 1992,
    theorem); a power near 0.8 does so fastest (Even-Dar and Mansour 2003, theorem 4)."""


class QLearning(TabularControl):
    """Table updated by Q(s, a) <- Q(s, a) + alpha_n (r + discount max_b Q(s', b) - Q(s, a)), over the tokens b allowed
    in s'."""

    config_class = QLearningConfig
    config: QLearningConfig

    def ahead(self, step: Step) -> float:
        """max_b Q(s', b)."""
        row = self.values[step.next_row]
        return float(row.max() if step.allowed is None else row[step.allowed].max())
