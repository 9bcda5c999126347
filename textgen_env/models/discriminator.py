"""What tells real texts from written ones, and how it learns to."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from textgen_env.models.text_cnn import TextCNN
from textgen_env.vocabulary import IntArray

READ_AT_ONCE, SCORED_AT_ONCE = 32_768, 1_024
"""Texts whose features are found together, and that go through the rest of the network together: bound the memory
that a large batch takes."""

SORTED_FROM = 512
"""Texts from which on it pays to look for those, and for those beginnings, that occur twice."""


class Discriminator:
    """What learns, apart from when it learns: a `TextCNN`, its Adam optimiser and its random draws.

    Args:
        network: whose embedding has a row for the blank.
        real: (M, T) int64 real texts.
        generator: on the CPU; draws the texts of each batch and the dropout.
        batch_size: texts in a batch, even: half of them real, half written.
        learning_rate: of Adam.
        l2: weight of the penalty on the output layer.
        device: the network runs on it.
    """

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
        self.network = network.to(device)
        self.real = torch.from_numpy(real)
        self.generator = generator
        self.batch_size = batch_size
        self.l2 = l2
        self.device = torch.device(device)
        self.steps_taken = 0
        # The state before an update, in memory that is kept: to ask for it anew takes longer than to fill it.
        self._before: list[Tensor] = []
        self.parameters = dict(self.network.named_parameters())
        self.optimizer = torch.optim.Adam(self.parameters.values(), lr=learning_rate, fused=True)
        # Adam makes its state at the first step; made here, a snapshot has the same entries at any time.
        for parameter in self.parameters.values():
            moments = {name: torch.zeros_like(parameter) for name in ("exp_avg", "exp_avg_sq")}
            self.optimizer.state[parameter] = {"step": torch.tensor(0.0, device=self.device), **moments}

    @torch.inference_mode()
    def log_odds(self, tokens: IntArray) -> NDArray[np.float64]:
        """log p(real) - log p(written) of the texts (N, T): (N,) float64, nats."""
        if len(tokens) < SORTED_FROM:
            few: Tensor = self.network(torch.from_numpy(tokens).to(self.device))
            return few.double().cpu().numpy()
        order, is_new = sorted_texts(tokens)
        texts = torch.from_numpy(tokens[order[is_new]]).to(self.device)
        logits = [
            self.network.logits_of(features)
            for chunk in torch.split(texts, READ_AT_ONCE)
            for features in torch.split(self.network.features_of(chunk), SCORED_AT_ONCE)
        ]
        log_odds = np.empty(len(tokens))
        log_odds[order] = torch.cat(logits).cpu().numpy()[np.cumsum(is_new) - 1]
        return log_odds

    def update(self, written: Tensor, steps: int) -> dict[str, float]:
        """Takes `steps` gradient updates on the `written` texts (N, T) against as many real ones.

        Returns:
            "loss", the binary cross-entropy in nats a text, and "accuracy" in [0, 1]; both are means over the
            batches, each measured before its update and under dropout.

        Raises:
            FloatingPointError: a loss or a weight that is not finite. Whatever is raised, everything is left as it
                was before the call.
        """
        tensors = list(self._tensors().values())
        if not self._before:
            self._before = [torch.empty_like(tensor) for tensor in tensors]
        torch._foreach_copy_(self._before, tensors)
        generator, steps_taken = self.generator.get_state(), self.steps_taken
        try:
            return self._take_steps(written, steps)
        except BaseException:
            torch._foreach_copy_(tensors, self._before)
            self.generator.set_state(generator)
            self.steps_taken = steps_taken
            raise

    def _take_steps(self, written: Tensor, steps: int) -> dict[str, float]:
        half = self.batch_size // 2
        real = self.real[self._draw(steps * half, len(self.real))].view(steps, half, -1)
        fresh = written[self._draw(steps * half, len(written))].view(steps, half, -1)
        is_real = torch.cat([torch.ones(half), torch.zeros(half)]).to(self.device)
        loss_sum = accuracy_sum = 0.0
        for batch in zip(real, fresh, strict=True):
            logits = self.network(torch.cat(batch).to(self.device), self.generator)
            loss = functional.binary_cross_entropy_with_logits(logits, is_real)
            if not math.isfinite(loss.item()):
                self._raise_not_finite(f"the loss is {loss.item()}")
            self.optimizer.zero_grad()
            (loss + output_penalty(self.network, self.l2)).backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            self.steps_taken += 1
            loss_sum += loss.item()
            accuracy_sum += ((logits > 0) == (is_real > 0)).double().mean().item()
        # Lowest and highest are finite if all are, and take a twentieth of the time of a look at each.
        if not all(bool(torch.stack(p.aminmax()).isfinite().all()) for p in self.parameters.values()):
            self._raise_not_finite(f"a weight is not finite (loss {loss.item()})")
        return {"loss": loss_sum / steps, "accuracy": accuracy_sum / steps}

    def _draw(self, count: int, population: int) -> Tensor:
        """`count` positions in order of drawing, each of the population once before any is drawn again."""
        passes = -(-count // population)
        return torch.cat([torch.randperm(population, generator=self.generator) for _ in range(passes)])[:count]

    def _raise_not_finite(self, what: str) -> None:
        raise FloatingPointError(
            f"discriminator: {what} at update {self.steps_taken + 1}; the weights are left as they were before this "
            f"round of updates; lower d_learning_rate={self.optimizer.param_groups[0]['lr']!r}"
        )

    def _tensors(self) -> dict[str, Tensor]:
        """What learning changes in place, by name: weights and Adam's state."""
        tensors = {}
        for name, parameter in self.parameters.items():
            tensors[f"network.{name}"] = parameter.detach()
            tensors |= {f"optimizer.{name}.{key}": value for key, value in self.optimizer.state[parameter].items()}
        return tensors

    def state_dict(self) -> dict[str, Tensor]:
        """A copy of all that learning changes, as tensors on the CPU: weights, Adam's state, the generator."""
        state = {"generator": self.generator.get_state(), "steps_taken": torch.tensor(self.steps_taken)}
        state |= self._tensors()
        return {name: tensor.to("cpu", copy=True) for name, tensor in state.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from a `state_dict`; its entries are taken to be as they should."""
        self.generator.set_state(state["generator"])
        self.steps_taken = int(state["steps_taken"])
        for name, tensor in self._tensors().items():
            tensor.copy_(state[name])


def output_penalty(network: TextCNN, l2: float) -> Tensor:
    """l2 / 4 * (|w|^2 + b^2) over the output layer of one logit.

    That is SeqGAN's l2 / 2 * (|w_0|^2 + |w_1|^2 + b_0^2 + b_1^2) over its two columns, at the least it can be for
    their difference w = w_1 - w_0: w_1 = -w_0 = w / 2.
    """
    return l2 / 4 * (network.output.weight.square().sum() + network.output.bias.square().sum())


def sorted_texts(tokens: IntArray) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The order (N,) in which texts (N, T) of tokens >= 0 are sorted, and whether each differs from the one before."""
    # Bytes, highest first, compare as the tokens do, and a text is one key.
    keys = np.ascontiguousarray(tokens, dtype=">u4").view(f"V{4 * tokens.shape[1]}")[:, 0]
    order = np.argsort(keys)
    is_new = np.ones(len(tokens), bool)
    is_new[1:] = keys[order[1:]] != keys[order[:-1]]
    return order, is_new
