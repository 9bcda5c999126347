"""Translation edit rate as a reward."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from textgen_env.checks import check_at_least, check_bool, check_choice
from textgen_env.rewards.base import BaseReward, FloatArray, RewardMode
from textgen_env.rewards.references import decoded_texts, rows_of_references, rows_of_sources
from textgen_env.tasks.base import Sources, Task
from textgen_env.vocabulary import IntArray

if TYPE_CHECKING:
    from sacrebleu.metrics.ter import TER


class TerReward(BaseReward):
    """Translation edit rate of the decoded text: edits, shifts of phrases among them, for each word of its references.

    TER = the fewest edits that turn the text into one of its references / the references' mean length in words: Snover,
    Dorr, Schwartz, Micciulla and Makhoul, "A Study of Translation Edit Rate with Targeted Human Annotation" (2006). It
    is 1/100 of what sacrebleu's `TER(...).sentence_score` gives, which computes it: 0 at best, and above 1 where there
    are more edits than words. Against empty references it is 1, and 0 of an empty text.

    It takes about a millisecond for each reference that a text is compared with. Paid at the end of the text by
    default; paid densely, a token earns the change of the score of the text so far, which is scored anew.

    Args:
        output: "accuracy" for 1 - TER, at most 1; "negative" for -TER, at most 0.
        normalized: whether punctuation is cut off words, as sacrebleu's argument says.
        no_punct: whether punctuation is left out.
        asian_support: whether `normalized` and `no_punct` know Chinese and Japanese characters.
        case_sensitive: whether "A" is another letter than "a".
        max_references: the most that a text is compared with; a task that has more is refused.

    Raises:
        TypeError: an argument of another type.
        ValueError: another output, or max_references below 1.
    """

    name = "ter"
    default_mode: RewardMode = "terminal"

    def __init__(
        self,
        output: Literal["accuracy", "negative"] = "accuracy",
        normalized: bool = False,
        no_punct: bool = False,
        asian_support: bool = False,
        case_sensitive: bool = False,
        max_references: int = 32,
    ) -> None:
        check_choice("output", output, ("accuracy", "negative"))
        self.output = output
        self.settings = {
            "normalized": normalized,
            "no_punct": no_punct,
            "asian_support": asian_support,
            "case_sensitive": case_sensitive,
        }
        for name, value in self.settings.items():
            check_bool(name, value)
        self.max_references = check_at_least("max_references", max_references)
        self._task: Task | None = None
        self._references: dict[int, list[str]] = {}
        self._judges: dict[int, TER] = {}

    def bind(self, task: Task) -> Self:
        """A copy that knows the task's references; itself where it is bound to this very task already.

        Raises:
            ValueError: a task without references, or with more for a text than `max_references`; a conditional one
                whose references do not name their source or leave out a source that is played.
        """
        if task is self._task:
            return self
        references = task.references()
        rows = rows_of_references(task, references)
        groups = [0] * len(references.lengths) if rows is None else rows.tolist()
        bound = copy(self)
        bound._task, bound._references, bound._judges = task, {}, {}
        most = int(np.bincount(groups).max(initial=0))
        if most > self.max_references:
            raise ValueError(
                f"a text of {type(task).__name__} has up to {most} references, more than "
                f"max_references={self.max_references}, and each takes a millisecond; raise max_references, give the "
                "task fewer references, or choose the reward 'chrf' or 'bleu'"
            )
        for group, text in zip(groups, decoded_texts(task, references.tokens, references.lengths), strict=True):
            bound._references.setdefault(group, []).append(text)
        return bound

    def score(self, tokens: IntArray, lengths: IntArray, sources: Sources | None = None) -> FloatArray:
        """1 - TER, or -TER, (N,) of texts (N, T), (N,).

        Raises:
            RuntimeError: the reward is not bound to a task.
            ValueError: `sources` missing for a conditional task, or a source without references.
        """
        if self._task is None:
            raise RuntimeError(
                "TerReward is not bound: it has no references yet; use reward.bind(task), as an env does"
            )
        rows = rows_of_sources(self._task, sources)
        groups = [0] * len(tokens) if rows is None else rows.tolist()
        texts = decoded_texts(self._task, tokens, lengths)
        rates = np.array(
            [self._judge(group).corpus_score([text], None).score for group, text in zip(groups, texts, strict=True)]
        )
        return (1.0 if self.output == "accuracy" else 0.0) - rates / 100

    def _judge(self, group: int) -> TER:
        """The scorer that knows the references of a source, made when it is first asked for."""
        found = self._judges.get(group)
        if found is None:
            # Only here: it takes a while to load.
            from sacrebleu.metrics.ter import TER

            if group not in self._references:
                raise ValueError(
                    f"sources.indices holds {group}, a source without references; play sources that have one"
                )
            found = TER(**self.settings, references=[[text] for text in self._references[group]])
            self._judges[group] = found
        return found
