"""Agents for the environments of textgen_env: one file an algorithm, one policy network for all."""
