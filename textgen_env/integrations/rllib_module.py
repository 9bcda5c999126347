"""Module of RLlib's that embeds tokens: what `textgen_env.integrations.rllib.module_spec` names."""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.torch import TorchRLModule
from torch import Tensor, nn

from textgen_env.integrations.encoder import TokenEncoder

OBSERVATIONS, MASK = "observations", "action_mask"


class TokenModule(TorchRLModule, ValueFunctionAPI):  # type: ignore[misc]
    """Policy and value of embedded tokens; `model_config` has `embedding_size` and `hidden_size`."""

    def setup(self) -> None:
        """Makes the layers, for the spaces that RLlib gives."""
        space = self.observation_space
        self.masks = isinstance(space, spaces.Dict) and MASK in space.spaces
        size = self.model_config["hidden_size"]
        encoder = TokenEncoder(space[OBSERVATIONS] if self.masks else space, self.model_config["embedding_size"])
        self.body = nn.Sequential(
            encoder, nn.Linear(encoder.out_features, size), nn.Tanh(), nn.Linear(size, size), nn.Tanh()
        )
        self.policy, self.value = nn.Linear(size, int(self.action_space.n)), nn.Linear(size, 1)
        nn.init.orthogonal_(self.policy.weight, 0.01)

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Tensor]:
        return {Columns.ACTION_DIST_INPUTS: self._logits(batch, self._hidden(batch))}

    def _forward_train(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Tensor]:
        hidden = self._hidden(batch)
        return {Columns.ACTION_DIST_INPUTS: self._logits(batch, hidden), Columns.EMBEDDINGS: hidden}

    def compute_values(self, batch: dict[str, Any], embeddings: Tensor | None = None) -> Tensor:
        """(N,) of a batch, or of what `_forward_train` has embedded of it."""
        values: Tensor = self.value(self._hidden(batch) if embeddings is None else embeddings)
        return values.squeeze(-1)

    def _hidden(self, batch: dict[str, Any]) -> Tensor:
        seen = batch[Columns.OBS]
        hidden: Tensor = self.body(seen[OBSERVATIONS] if self.masks else seen)
        return hidden

    def _logits(self, batch: dict[str, Any], hidden: Tensor) -> Tensor:
        logits: Tensor = self.policy(hidden)
        if not self.masks:
            return logits
        # Not -inf, whose product with a probability of zero is no number in an entropy.
        return logits.masked_fill(batch[Columns.OBS][MASK] == 0, torch.finfo(logits.dtype).min)
