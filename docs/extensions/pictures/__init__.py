"""Pictures of the explanations: one module a picture, drawn from code and committed results while the site is built."""
