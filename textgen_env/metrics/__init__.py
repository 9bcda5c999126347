"""Pure functions on token arrays: how good, how close, how varied texts are."""

from textgen_env.metrics.bleu import BleuScorer
from textgen_env.metrics.diversity import distinct_n
from textgen_env.metrics.edit import edit_distance, word_error_rate
from textgen_env.metrics.self_bleu import self_bleu

__all__ = ["BleuScorer", "distinct_n", "edit_distance", "self_bleu", "word_error_rate"]
