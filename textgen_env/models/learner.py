"""Learner of real and written texts, whatever it says of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textgen_env.models.text_cnn import TextEncoder
from textgen_env.models.threads import in_parts, threads_for
from textgen_env.models.torch_settings import usual_torch
from textgen_env.vocabulary import IntArray

READ_AT_ONCE, SCORED_AT_ONCE = 32_768, 1_024
"""Texts whose features are found together, and that go through the rest of the network together: bound the memory
that a large batch takes."""

SORTED_FROM = 512
"""Batch size from which removing duplicate texts, and duplicate beginnings, pays."""


class TextLearner:
    """Base of learners: a network, its Adam optimiser and its random draws; its owner decides when it learns.

    A subclass defines `losses`, names itself, and says what of a text it makes known.

    Args:
        network: whose embedding has a row for the blank.
        real: (M, T) int64 real texts.
        generator: on the CPU; draws the texts of each batch and the dropout.
        batch_size: texts in a batch, even: half of them real, half written.
        learning_rate: of Adam.
        device: the network runs on it.
    """

    name: str

    def __init__(
        self,
        network: TextEncoder,
        real: IntArray,
        generator: torch.Generator,
        batch_size: int,
        learning_rate: float,
        device: str,
    ) -> None:
        self.network = network.to(device)
        self.real = torch.from_numpy(real)
        self.generator = generator
        self.batch_size = batch_size
        # How many real and how many written texts an update draws.
        self.drawn = batch_size // 2, batch_size // 2
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

    def losses(self, real: Tensor, written: Tensor) -> tuple[Tensor, float]:
        """The loss of texts (B, T) int64 on the CPU, as many of each kind as `drawn` says, under dropout; and how often
        it was right, in [0, 1]."""
        raise NotImplementedError(f"{type(self).__name__} must define losses(real, written)")

    def penalty(self) -> Tensor | float:
        """The penalty that is minimised along with the loss: none."""
        return 0.0

    @usual_torch()
    @torch.inference_mode()
    def scores(self, tokens: IntArray, score: Callable[[Tensor], Tensor]) -> NDArray[np.float64]:
        """Scores (N,) float64 of the texts (N, T): what `score` makes of the features (M, F) of each, as (M,)."""
        with self._threads():
            return self._scores(tokens, score)

    def _scores(self, tokens: IntArray, score: Callable[[Tensor], Tensor]) -> NDArray[np.float64]:
        if len(tokens) < SORTED_FROM:
            few = score(self.network.features_of(torch.from_numpy(tokens).to(self.device)))
            return few.double().cpu().numpy()
        order, is_new = sorted_texts(tokens)
        texts = torch.from_numpy(tokens[order[is_new]]).to(self.device)
        scored: list[Tensor] = []
        for chunk in torch.split(texts, READ_AT_ONCE):
            features = self.network.features_of(chunk)

            def score_part(part: range, features: Tensor = features) -> Tensor:
                rows = features[part.start : part.stop]
                return torch.cat([score(some) for some in torch.split(rows, SCORED_AT_ONCE)])

            scored += in_parts(len(features), SCORED_AT_ONCE, self.device, score_part)
        scores = np.empty(len(tokens))
        scores[order] = torch.cat(scored).cpu().numpy()[np.cumsum(is_new) - 1]
        return scores

    def update(self, written: Tensor, steps: int) -> dict[str, float]:
        """Takes `steps` gradient updates on the `written` texts (N, T) against as many real ones.

        Returns:
            "loss" and "accuracy", as `losses` has them; both are means over the batches, each measured before its
            update and under dropout.

        Raises:
            FloatingPointError: a loss or a weight that is not finite. Whatever is raised, everything is left as it
                was before the call.
        """
        return self.update_on_each([written], steps)[0]

    @usual_torch()
    def update_on_each(self, batches: Sequence[Tensor], steps: int) -> list[dict[str, float]]:
        """`update` on the written texts of each batch (N, T) in turn: all of them, or none where something is raised.

        Raises:
            FloatingPointError: as `update`.
        """
        tensors = list(self._tensors().values())
        if not self._before:
            self._before = [torch.empty_like(tensor) for tensor in tensors]
        torch._foreach_copy_(self._before, tensors)
        generator, steps_taken = self.generator.get_state(), self.steps_taken
        try:
            with self._threads():
                return [self._take_steps(written, steps) for written in batches]
        except BaseException:
            torch._foreach_copy_(tensors, self._before)
            self.generator.set_state(generator)
            self.steps_taken = steps_taken
            raise

    def _threads(self) -> AbstractContextManager[None]:
        return threads_for(self.network.gate.in_features, self.device)

    def _take_steps(self, written: Tensor, steps: int) -> dict[str, float]:
        batches = [
            texts[self._draw(steps * count, len(texts))].view(steps, count, -1)
            for texts, count in zip((self.real, written), self.drawn, strict=True)
        ]
        loss_sum = accuracy_sum = 0.0
        for real, fresh in zip(*batches, strict=True):
            loss, accuracy = self.differentiate(real, fresh)
            self.optimizer.step()
            self.steps_taken += 1
            loss_sum += loss
            accuracy_sum += accuracy
        # The largest in absolute value is finite if all are.
        largest = torch._foreach_norm([parameter.detach() for parameter in self.parameters.values()], math.inf)
        if not bool(torch.stack(largest).isfinite().all()):
            self._raise_not_finite(f"a weight is not finite (loss {loss})")
        return {"loss": loss_sum / steps, "accuracy": accuracy_sum / steps}

    def differentiate(self, real: Tensor, written: Tensor) -> tuple[float, float]:
        """Leaves the gradients of `losses` and `penalty` in the parameters; returns the loss, and how often it was
        right.

        Raises:
            FloatingPointError: a loss that is not finite.
        """
        loss, accuracy = self.losses(real, written)
        self.check_loss(loss.item())
        self.optimizer.zero_grad()
        (loss + self.penalty()).backward()  # type: ignore[no-untyped-call]
        return loss.item(), accuracy

    def check_loss(self, loss: float) -> None:
        """Refuses a loss that is not finite.

        Raises:
            FloatingPointError: naming the update.
        """
        if not math.isfinite(loss):
            self._raise_not_finite(f"the loss is {loss}")

    def _draw(self, count: int, population: int) -> Tensor:
        """`count` positions in order of drawing, each of the population once before any is drawn again."""
        passes = -(-count // population)
        return torch.cat([torch.randperm(population, generator=self.generator) for _ in range(passes)])[:count]

    def _raise_not_finite(self, what: str) -> None:
        raise FloatingPointError(
            f"{self.name}: {what} at update {self.steps_taken + 1}; the weights are left as they were before this "
            f"round of updates; lower learning_rate={self.optimizer.param_groups[0]['lr']!r}"
        )

    def _tensors(self) -> dict[str, Tensor]:
        """Tensors that learning changes in place, by name: weights and Adam's state."""
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

    def check_state(self, state: Mapping[str, Tensor]) -> None:
        """Whether a `state_dict` whose entries have the right shapes and types also has values to go on from.

        Raises:
            ValueError: naming the entry that has not.
        """
        try:
            torch.Generator().set_state(state["generator"])
        except RuntimeError as error:
            raise ValueError(f"state: entry 'generator' is no state of a generator: {error}") from None

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from a `state_dict`; its entries are taken to be as they should."""
        self.generator.set_state(state["generator"])
        self.steps_taken = int(state["steps_taken"])
        for name, tensor in self._tensors().items():
            tensor.copy_(state[name])


def sorted_texts(tokens: IntArray) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The order (N,) in which texts (N, T) of tokens >= 0 are sorted, and whether each differs from the one before."""
    # Bytes, highest first, compare as the tokens do, and a text is one key.
    keys = np.ascontiguousarray(tokens, dtype=">u4").view(f"V{4 * tokens.shape[1]}")[:, 0]
    order = np.argsort(keys)
    is_new = np.ones(len(tokens), bool)
    is_new[1:] = keys[order[1:]] != keys[order[:-1]]
    return order, is_new
