"""Pure functions on token arrays: how good, how close, how varied texts are."""

from textgen_env.metrics.bleu import BleuScorer
from textgen_env.metrics.diversity import distinct_n

__all__ = ["BleuScorer", "distinct_n"]
