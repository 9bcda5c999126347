"""Pure functions: returns, losses, importance weights, natural gradients, exploration."""
