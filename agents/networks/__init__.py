"""Policy networks: encoders, decoders, attention, and how they are stepped."""
