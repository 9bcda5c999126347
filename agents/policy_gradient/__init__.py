"""Agents that follow a gradient of the expected return."""
