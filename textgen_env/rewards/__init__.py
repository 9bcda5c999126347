"""Rewards: scores of texts, terminal and dense."""
