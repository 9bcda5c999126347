"""Exposure bias: how much worse an agent goes on from its own prefixes than from real ones, by their length."""
