"""Evaluation of policies: episodes, measures, reference returns."""
