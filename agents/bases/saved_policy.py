"""Policy networks of saved agents, to look at."""

from __future__ import annotations

from dataclasses import fields
from os import PathLike, fspath
from typing import NamedTuple

import torch

from agents.bases.checkpoint import fitting_together, read_checkpoint
from agents.data.text_spec import TextSpec
from agents.networks.config import NetworkConfig
from agents.networks.policy_network import PolicyNetwork
from textgen_env.models.torch_settings import usual_torch


class SavedPolicy(NamedTuple):
    """Network of a saved agent, whose class is named `agent`, with what it was built of."""

    agent: str
    spec: TextSpec
    config: NetworkConfig
    network: PolicyNetwork


@usual_torch()
def read_policy(path: str | PathLike[str]) -> SavedPolicy:
    """The policy of a saved agent of any class.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no saved agent, or one without a policy network.
    """
    saved = read_checkpoint(path)
    part = "network."
    state = {name.removeprefix(part): each for name, each in saved.tensors.items() if name.startswith(part)}
    if not state:
        raise ValueError(f"path={fspath(path)!r} holds a {saved.agent}, which has no policy network")
    names = {field.name for field in fields(NetworkConfig)} & saved.config.keys()
    with fitting_together(path, saved.agent):
        config = NetworkConfig(**{name: saved.config[name] for name in names})
        has_values = "value.weight" in state
        network = PolicyNetwork(saved.spec, generator=torch.Generator(), value_head=has_values, **config.network)
        network.load_state_dict(state)
    return SavedPolicy(saved.agent, saved.spec, config, network)
