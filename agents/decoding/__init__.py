"""Texts out of trained agents: greedy, beam search, temperature, top-k and nucleus sampling."""
