"""Catalogue of cases: adding one is adding a function in cases/, and its line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module

from benchmarks.throughput.bench import Bench
from benchmarks.throughput.measured import BenchmarkRow, Curve

Case = Callable[[Bench], Iterator[BenchmarkRow | Curve]]
CASES: Mapping[str, str] = {
    "bleu": "bleu:bleu",
    "bleu-build": "bleu:bleu_build",
    "bleu-dense": "bleu:bleu_dense",
    "self-bleu": "metrics:self_bleu_of_a_sample",
    "edit": "metrics:edit",
    "distinct-n": "metrics:distinct",
    "sampling": "language_model:sampling",
    "likelihood": "language_model:likelihood",
    "likelihood-step": "language_model:likelihood_step",
    "discriminator-update": "discriminator:discriminator_update",
    "discriminator-score": "discriminator:discriminator_score",
    "mle-update": "mle:mle_update",
    "shared-machine": "shared_machine:shared_machine",
    "policy-gradient": "policy_gradient:policy_gradient",
    "seqgan-step": "seqgan:seqgan_step",
    "single-env": "environments:single_env",
    "vector-env": "environments:vector_env",
    "vector-bleu": "environments:vector_bleu",
    "ppo": "ppo:ppo",
    "sb3": "sb3:sb3",
    "wide": "environments:wide",
    "scaling-bleu": "bleu:scaling",
    "scaling-model": "language_model:scaling",
    "scaling-policy-gradient": "policy_gradient:scaling",
    "scaling-env": "environments:scaling",
    "defaults": "defaults:defaults",
    "million": "million:million",
}
"""Name -> module and function in cases/."""
ON_DEMAND = ("defaults", "million")
"""Minutes long: done only when named."""


def chosen(only: list[str]) -> list[str]:
    """The cases that `only` names, in the table's order; all but those on demand if it names none.

    Raises:
        ValueError: an unknown name.
    """
    for name in only:
        if name not in CASES:
            raise ValueError(f"--only {name!r} must be one of {', '.join(CASES)}")
    return [name for name in CASES if (name in only if only else name not in ON_DEMAND)]


def load(name: str) -> Case:
    """The case of this name."""
    module, function = CASES[name].split(":")
    case: Case = getattr(import_module(f"benchmarks.throughput.cases.{module}"), function)
    return case
