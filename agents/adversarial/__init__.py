"""Agents whose reward is learned beside them: SeqGAN and its kin."""
