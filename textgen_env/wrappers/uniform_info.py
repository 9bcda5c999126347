"""Infos with the same keys in every step, for libraries that build their buffers from the first."""

from __future__ import annotations

from typing import Any

import gymnasium
from gymnasium.utils import RecordConstructorArgs

from textgen_env.game import CoreView

END_ALONE = "reward_terms"
"""Keys that only the end can say: a reward names its parts when it scores."""


def core_view(env: Any) -> CoreView:
    """The view of the core inside an environment.

    Raises:
        TypeError: no environment of texts of this package's.
    """
    inner = env.unwrapped
    if not isinstance(inner, CoreView):
        raise TypeError(
            f"env={env!r} must be an environment of texts of this package's; wrap a vector environment of Gymnasium's "
            "within, where each single environment is made"
        )
    return inner


class UniformInfo(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """The text so far in every info: `text`, `tokens` (T,), `length`, `stop`, and `source_row` of a conditional task.

    `stop` is "" until the text has ended. `reward_terms` is left out. tianshou and Minari (`record_infos=True`) refuse
    infos whose keys come and go, and strings that are None.

    Args:
        env: of texts, single.

    Raises:
        TypeError: no environment of texts.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        self._view = core_view(env)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """As the environment's, with the text that is begun."""
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, self._uniform(info)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """As the environment's, with the text so far."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, terminated, truncated, self._uniform(info)

    def _uniform(self, info: dict[str, Any]) -> dict[str, Any]:
        core = self._view.core
        tokens = core.tokens[0].copy()
        text = core.task.vocabulary.text_of(tokens.tolist())
        so_far = {"text": text, "tokens": tokens, "length": core.lengths.item(0), "stop": ""}
        return so_far | {key: value for key, value in info.items() if key != END_ALONE}
