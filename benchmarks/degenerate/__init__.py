"""Degenerate texts: what a game pays for texts that nobody would call good."""
