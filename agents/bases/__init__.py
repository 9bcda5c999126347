"""Bases of agents: config, training, checkpoints, and the choice of tokens."""
