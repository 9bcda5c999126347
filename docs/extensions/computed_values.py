"""Values that a page shows beside the code that computes them: the code runs while the site is built."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

HEAD = "import gymnasium as gym\nimport textgen_env\n\n"
SCORED = """
reward = {named}
texts = ["a dog runs away .", "a cat runs away .", "the dog sleeps here .", "the cat sleeps here .", "a dog sleeps ."]
env = gym.make("TextGen-Corpus-v0", texts=texts, test_size=1, max_length=8, reward=reward).unwrapped
for text in ("a dog runs away .", "the dog runs away .", "a dog a dog ."):
    tokens = [env.task.vocabulary.encode([*text.split(), "<eos>"])]
    print(f"{{env.score(tokens)[0]:7.3f}}  {{text}}")
"""


def printed(code: str) -> str:
    """Output that a program prints.

    Raises:
        ValueError: nothing.
    """
    written = io.StringIO()
    with redirect_stdout(written):
        exec(compile(code, "page", "exec", dont_inherit=True), {"__name__": "page"})
    if not written.getvalue().strip():
        raise ValueError(f"the program of a page prints nothing:\n{code}")
    return written.getvalue().rstrip("\n")


def shown(code: str) -> str:
    """A program and what it prints, as Markdown."""
    code = code.strip("\n")
    return "\n".join(["```python", code, "```", "", "```text", printed(code), "```", ""])


def program(note: dict[str, str]) -> str:
    """The program of an entry of `rewards.toml`: its own, or the scores of three texts by the reward that it names."""
    own = note["program"] if "program" in note else SCORED.format(named=note["named"])
    return HEAD + own.lstrip("\n")
