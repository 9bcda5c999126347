"""Models of texts in torch: language models, discriminators, rankers."""
