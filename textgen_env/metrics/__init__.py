"""Pure functions on token arrays: how good, how close, how varied texts are."""

from textgen_env.metrics.bleu_scorer import BleuScorer
from textgen_env.metrics.divergence import Estimate, cross_entropy, entropy, kl_divergence, monte_carlo_mean
from textgen_env.metrics.diversity import distinct_n
from textgen_env.metrics.edit import edit_distance, word_error_rate
from textgen_env.metrics.self_bleu import self_bleu

__all__ = [
    "BleuScorer",
    "Estimate",
    "cross_entropy",
    "distinct_n",
    "edit_distance",
    "entropy",
    "kl_divergence",
    "monte_carlo_mean",
    "self_bleu",
    "word_error_rate",
]
