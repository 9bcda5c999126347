"""Reports of an experiment: terminal, page, files and figures."""
