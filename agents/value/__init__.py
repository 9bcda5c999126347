"""Agents that learn values of tokens or of prefixes."""
