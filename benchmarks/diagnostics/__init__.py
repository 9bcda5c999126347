"""Diagnostics of agents: one small game, of which one thing at a time is made harder, and what agents make of it."""
