"""A network of RLlib's for texts: it embeds the tokens, and obeys masks."""

from __future__ import annotations

from typing import Any

from textgen_env.checks import check_at_least


def module_spec(embedding_size: int = 32, hidden_size: int = 128) -> Any:
    """RLModuleSpec of policy and value for `config.rl_module(rl_module_spec=...)` of RLlib's PPO, IMPALA and the like.

    The tokens are embedded, the blank among them, and two layers read them side by side. RLlib's own networks know
    no `Dict`, and refuse whole numbers. Where observations are those of `wrappers.ActionMaskObservation`, a masked
    token is given no probability.

    Args:
        embedding_size: of a token, >= 1.
        hidden_size: of each of two layers that policy and value share, >= 1.

    Returns:
        The `ray.rllib.core.rl_module.rl_module.RLModuleSpec`. Its class is imported by name in the processes of env
        runners and learners, which also registers the ids there.

    Raises:
        ValueError: a size below 1.
        ImportError: RLlib is not installed.
    """
    check_at_least("embedding_size", embedding_size)
    check_at_least("hidden_size", hidden_size)
    try:
        from ray.rllib.core.rl_module.rl_module import RLModuleSpec
    except ImportError as error:
        raise ImportError('module_spec needs RLlib, which is not installed: pip install "ray[rllib]"') from error

    from textgen_env.integrations.rllib_module import TokenModule

    sizes = {"embedding_size": embedding_size, "hidden_size": hidden_size}
    return RLModuleSpec(module_class=TokenModule, model_config=sizes)
