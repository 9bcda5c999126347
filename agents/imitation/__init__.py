"""Agents that learn from texts by likelihood."""
