"""Bases of agents: what is trained, saved, resumed and asked for tokens."""
