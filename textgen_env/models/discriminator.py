"""Discriminator: a network that learns to tell real texts from written ones."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from textgen_env.kernels import kernels
from textgen_env.models.convolution import FEW
from textgen_env.models.discriminator_gradient import loss_and_gradients
from textgen_env.models.learner import TextLearner
from textgen_env.models.sampling import runs_compiled
from textgen_env.models.text_cnn import TextCNN
from textgen_env.vocabulary import IntArray


class Discriminator(TextLearner):
    """A `TextCNN` that minimises the binary cross-entropy of texts being real.

    Args:
        network, real, generator, batch_size, learning_rate, device: as in `TextLearner`.
        l2: weight of the penalty on the output layer.
    """

    name = "discriminator"
    network: TextCNN

    def __init__(
        self,
        network: TextCNN,
        real: IntArray,
        generator: torch.Generator,
        batch_size: int,
        learning_rate: float,
        l2: float,
        device: str,
    ) -> None:
        super().__init__(network, real, generator, batch_size, learning_rate, device)
        self.l2 = l2
        self._views: _Views | None = None

    def log_odds(self, tokens: IntArray) -> NDArray[np.float64]:
        """log p(real) - log p(written) of the texts (N, T): (N,) float64, nats."""
        return self.scores(tokens, self.network.logits_of)

    def log_odds_one(self, text: IntArray) -> float | None:
        """`log_odds` of a single text (T,), compiled; None where `log_odds` must be asked: without compiled loops,
        elsewhere than on the CPU, and where a number is not finite. Sums are in another order: the last digits of
        float32 may differ."""
        embedding = self.network.embedding.weight
        compiled = kernels("one_text") if runs_compiled(embedding) else None
        if compiled is None:
            return None
        if self._views is None or self._views.address != embedding.data_ptr():
            self._views = _Views.of(self.network)
        views = self._views
        found = np.empty(views.features, np.float32)
        first = 0
        for weight, bias in views.filters:
            compiled.features(text, views.embedding, weight, bias, first, found)
            first += len(bias)
        logit: float = compiled.logit(found, *views.above)
        return logit if math.isfinite(logit) else None

    def __getstate__(self) -> dict[str, Any]:
        # A copy of the views would show the weights as they were.
        return {**vars(self), "_views": None}

    def losses(self, real: Tensor, written: Tensor) -> tuple[Tensor, float]:
        """The binary cross-entropy in nats a text, and the share of the texts that are told right."""
        texts, is_real = _labelled(real, written, self.device)
        logits = self.network(texts, self.generator)
        loss = functional.binary_cross_entropy_with_logits(logits, is_real)
        return loss, _told_right(logits, is_real)

    def differentiate(self, real: Tensor, written: Tensor) -> tuple[float, float]:
        """As of any learner; by hand where the compiled loops can."""
        compiled = runs_compiled(self.network.embedding.weight) and kernels("convolution") is not None
        if not compiled or len(real) + len(written) < FEW:
            return super().differentiate(real, written)
        texts, is_real = _labelled(real, written, self.device)
        loss, logits = loss_and_gradients(self.network, texts, is_real, self.generator, self.l2)
        self.check_loss(loss.item())
        return loss.item(), _told_right(logits, is_real)

    def soft_log_odds(self, one_hots: Tensor) -> Tensor:
        """`log_odds` (N,) of texts whose tokens are mixtures, weights (N, T, V + 1) of the ids on the network's device;
        differentiable in them. Without dropout, and the network's own parameters get no gradient."""
        network = self.network
        learned = [parameter for parameter in self.parameters.values() if parameter.requires_grad]
        for parameter in learned:
            parameter.requires_grad_(False)
        try:
            # What was recorded as a constant stays one.
            return network.logits_of(network.features_of_soft(one_hots))
        finally:
            for parameter in learned:
                parameter.requires_grad_(True)

    def penalty(self) -> Tensor:
        """That of the output layer."""
        return output_penalty(self.network, self.l2)


class _Views(NamedTuple):
    """Weights of a network as NumPy's arrays, which change as it learns.

    Attributes:
        address: of the embedding: another one after the network was moved or cast.
        features: F.
        embedding: (V + 1, E).
        filters: weights (n, E, w) and biases (n,) of each width.
        above: of the highway layer and the output, as `kernels.one_text.logit` takes them.
    """

    address: int
    features: int
    embedding: NDArray[np.float32]
    filters: list[tuple[NDArray[np.float32], NDArray[np.float32]]]
    above: list[NDArray[np.float32]]

    @classmethod
    def of(cls, network: TextCNN) -> _Views:
        """Those of a network."""
        layers = network.gate, network.transform, network.output
        return cls(
            network.embedding.weight.data_ptr(),
            network.gate.in_features,
            network.embedding.weight.detach().numpy(),
            [(weight.detach().numpy(), bias.detach().numpy()) for weight, bias in zip(*network.filters(), strict=True)],
            [part.detach().numpy() for layer in layers for part in (layer.weight, layer.bias)],
        )


def _labelled(real: Tensor, written: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """The texts (B, T) int64, the real ones first, and whether each is real (B,) float32, 0 or 1."""
    is_real = torch.cat([torch.ones(len(real)), torch.zeros(len(written))])
    return torch.cat([real, written]).to(device), is_real.to(device)


def _told_right(logits: Tensor, is_real: Tensor) -> float:
    """The share of texts whose logit (B,) is of the sign that its label (B,) asks for."""
    return ((logits > 0) == (is_real > 0)).double().mean().item()


def output_penalty(network: TextCNN, l2: float) -> Tensor:
    """SeqGAN's l2 / 2 * (|w_0|^2 + |w_1|^2 + b_0^2 + b_1^2) over the two columns of the output layer.

    Of one column w = w_1 - w_0, l2 / 4 * (|w|^2 + b^2): the least that it can be for their difference, where w_1 = -w_0
    = w / 2.
    """
    return (
        l2
        * network.output.out_features
        / 4
        * (network.output.weight.square().sum() + network.output.bias.square().sum())
    )
