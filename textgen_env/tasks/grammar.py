"""A probabilistic context-free grammar with features, read from JSON.

A grammar file holds one object:

    {
      "start": "Sentence",
      "features": {"n": ["sg", "pl"], "k": ["person", "animal"]},
      "inflections": ["n"],
      "rules": {
        "Sentence": {"Clause[sg] .": 3, "Clause[pl] .": 1},
        "Clause[n]": {"Noun[person,n] is/are asleep": 2, "the Noun[animal,n] sleeps/sleep": 1},
        "Noun[person,n]": ["man/men", "woman/women"],
        "Noun[animal,n]": ["dog/dogs", "owl/owls"]
      },
      "allomorphs": {"a": {"an": ["owl"]}}
    }

- A symbol starts with a capital letter, a word does not. A symbol may carry features in brackets.
- A feature's name in the brackets on the left is a variable: the rule holds for each of its values, and the
  variable stands for the same value all through the right side. This is what makes words agree.
- A word written with slashes has one form for each value of an inflecting variable of the left side.
- Right sides are a list (equally likely) or an object of right side -> weight. One may be empty.
- An allomorph is the form that a word takes before certain others, whatever the rules that put them there.
"""

from __future__ import annotations

import itertools
import json
import re
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from textgen_env.checks import is_number

_SYMBOL = re.compile(r"([A-Z]\w*)(?:\[(\w+(?:,\w+)*)\])?")

Alternatives = dict[tuple[str, ...], float]
"""The right sides of a symbol, as symbols and words, and the weight of each."""


class Grammar:
    """Sentences, and how likely each is.

    Args:
        start: the symbol that derives a sentence.
        rules: symbol -> right side -> weight; what is not a key of `rules` is a word.
        allomorphs: word -> the form it takes -> the words that it takes this form before.

    Attributes:
        words: the words that sentences consist of, sorted.
        shortest: words of the shortest sentence.

    Raises:
        ValueError: a symbol without a rule or right side, a weight that is not positive and finite, symbols that lead
            back to themselves so often that a sentence need not end, or an allomorph of a word that never occurs.
    """

    def __init__(
        self,
        start: str,
        rules: Mapping[str, Alternatives],
        allomorphs: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
    ) -> None:
        _check_weights(rules)
        self.start = start
        self.rules = _reachable(start, rules)
        self.shortest = _shortest(self.rules)[start]
        _check_ends(self.rules)
        written = {item for sides in self.rules.values() for side in sides for item in side} - self.rules.keys()
        self._forms = {
            (word, following): form
            for word, forms in (allomorphs or {}).items()
            for form, before in forms.items()
            for following in before
        }
        for word in itertools.chain.from_iterable(self._forms):
            if word not in written:
                raise ValueError(f"allomorphs: {word!r} is not a word of the grammar; correct or remove it")
        self.words: tuple[str, ...] = tuple(sorted(written | set(self._forms.values())))
        # Right sides are reversed as `sample` puts them on a stack.
        self._choices = {}
        for symbol, sides in self.rules.items():
            cumulative = np.cumsum(list(sides.values()))
            self._choices[symbol] = ((cumulative / cumulative[-1]).tolist(), [side[::-1] for side in sides])

    @classmethod
    def from_json(cls, text: str) -> Grammar:
        """The grammar that a JSON text describes, in the form that this module's docstring shows.

        Raises:
            ValueError: not JSON, a key missing, unknown or repeated, a rule that cannot be read or is never used, and
                all that the constructor refuses.
        """
        try:
            content = json.loads(text, object_pairs_hook=_without_repeats)
        except json.JSONDecodeError as error:
            raise ValueError(f"the grammar is not JSON: {error}") from None
        _check_content(content)
        features: dict[str, list[str]] = content.get("features", {})
        inflections = content.get("inflections", [])
        rules: dict[str, Alternatives] = {}
        origins: dict[str, str] = {}
        for left, right in content["rules"].items():
            for symbol, sides in _instances(left, right, features, inflections):
                if symbol in rules:
                    raise ValueError(f"rules {origins[symbol]!r} and {left!r} both define {symbol}; join them")
                rules[symbol], origins[symbol] = sides, left
        grammar = cls(content["start"], rules, content.get("allomorphs"))
        unused = set(content["rules"]) - {origins[symbol] for symbol in grammar.rules}
        if unused:
            raise ValueError(f"rule {min(unused)!r} is never used from {grammar.start!r}; remove or use it")
        return grammar

    @classmethod
    def from_file(cls, path: Path | Traversable) -> Grammar:
        """The grammar in a UTF-8 JSON file.

        Raises:
            ValueError: see `from_json`; the message starts with the path.
        """
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    def sample(self, rng: np.random.Generator) -> list[str]:
        """The words of one sentence, each right side drawn in proportion to its weight."""
        random, choices = rng.random, self._choices
        words: list[str] = []
        stack = [self.start]
        while stack:
            item = stack.pop()
            choice = choices.get(item)
            if choice is None:
                words.append(item)
            elif len(choice[1]) == 1:
                stack.extend(choice[1][0])
            else:
                stack.extend(choice[1][bisect(choice[0], random())])
        forms = self._forms
        return [forms.get(pair, pair[0]) for pair in itertools.pairwise([*words, ""])]


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        repeated = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise ValueError(f"key {repeated!r} is written twice in one object; join the two")
    return content


def _check_content(content: Any) -> None:
    required, optional = {"start": str, "rules": dict}, {"features": dict, "inflections": list, "allomorphs": dict}
    if not isinstance(content, dict) or not required.keys() <= content.keys():
        raise ValueError(f"the grammar must be an object with the keys {list(required)}")
    for key, value in content.items():
        kind = (required | optional).get(key)
        if kind is None:
            raise ValueError(f"key {key!r} is unknown; a grammar has the keys {list(required | optional)}")
        if not isinstance(value, kind):
            raise ValueError(f"{key!r} must be a {kind.__name__}, got {type(value).__name__}")
    features = content.get("features", {})
    for name, values in features.items():
        if not isinstance(values, list) or not values or not all(isinstance(v, str) for v in values):
            raise ValueError(f"features: {name!r} must be a list of its values, got {values!r}")
        if not features.keys().isdisjoint(values):
            raise ValueError(f"features: a value of {name!r} is also the name of a feature: {values}; rename one")
    for word, forms in content.get("allomorphs", {}).items():
        if not isinstance(forms, dict) or not all(isinstance(before, list) for before in forms.values()):
            raise ValueError(f"allomorphs: {word!r} must be an object of form -> list of words, got {forms!r}")
    for name in content.get("inflections", []):
        if name not in features:
            raise ValueError(f"inflections: {name!r} is not among the features {list(features)}")


def _parse_symbol(text: str, rule: str) -> tuple[str, list[str]]:
    match = _SYMBOL.fullmatch(text)
    if match is None:
        raise ValueError(f"rule {rule!r}: {text!r} is not a symbol such as 'Noun' or 'Noun[person,sg]'")
    return match[1], match[2].split(",") if match[2] else []


def _instances(
    left: str, right: Any, features: Mapping[str, Sequence[str]], inflections: Sequence[str]
) -> Iterator[tuple[str, Alternatives]]:
    """The rules without variables that one rule stands for."""
    name, arguments = _parse_symbol(left, left)
    if not isinstance(right, list | dict) or not all(isinstance(text, str) for text in right):
        raise ValueError(f"rule {left!r}: its right sides must be a list of texts or an object of text -> weight")
    weights = right.values() if isinstance(right, dict) else itertools.repeat(1)
    variables = [argument for argument in dict.fromkeys(arguments) if argument in features]
    for values in itertools.product(*(features[variable] for variable in variables)):
        bound = dict(zip(variables, values, strict=True))
        forms = {len(features[v]): features[v].index(bound[v]) for v in variables if v in inflections}
        sides: Alternatives = {}
        for text, weight in zip(right, weights, strict=False):
            side = tuple(_ground(item, bound, forms, features, left) for item in text.split())
            if side in sides:
                raise ValueError(f"rule {left!r}: the right side {text!r} is written twice; join the two")
            sides[side] = weight
        yield _written(name, [bound.get(argument, argument) for argument in arguments]), sides


def _ground(
    item: str, bound: Mapping[str, str], forms: Mapping[int, int], features: Mapping[str, Sequence[str]], left: str
) -> str:
    """A symbol with its variables' values put in, or a word in the form that they ask for."""
    if item[0].isupper():
        name, arguments = _parse_symbol(item, left)
        for argument in arguments:
            if argument in features and argument not in bound:
                raise ValueError(f"rule {left!r}: the variable {argument!r} of {item!r} is not on the left side")
        return _written(name, [bound.get(argument, argument) for argument in arguments])
    words = item.split("/")
    if len(words) == 1:
        return item
    if len(words) not in forms or not all(words):
        raise ValueError(
            f"rule {left!r}: {item!r} has {len(words)} forms, but the left side has no inflecting variable of "
            f"{len(words)} values"
        )
    return words[forms[len(words)]]


def _written(name: str, values: Sequence[str]) -> str:
    return f"{name}[{','.join(values)}]" if values else name


def _check_weights(rules: Mapping[str, Alternatives]) -> None:
    for symbol, sides in rules.items():
        if not sides:
            raise ValueError(f'symbol {symbol!r} has no right side; an empty text is written as [""]')
        for side, weight in sides.items():
            if not is_number(weight) or not 0 < weight < float("inf"):
                said = f"symbol {symbol!r}: the weight of {' '.join(side)!r} is {weight!r}"
                raise ValueError(f"{said}; it must be a positive, finite number")


def _reachable(start: str, rules: Mapping[str, Alternatives]) -> dict[str, Alternatives]:
    """The rules that a derivation from `start` can use."""
    if start not in rules:
        raise ValueError(f"start={start!r} has no rule")
    reachable = {start: rules[start]}
    waiting = [start]
    while waiting:
        symbol = waiting.pop()
        for item in itertools.chain.from_iterable(rules[symbol]):
            if item[0].isupper() and item not in rules:
                raise ValueError(f"symbol {item!r}, used by {symbol!r}, has no rule")
            if item in rules and item not in reachable:
                reachable[item] = rules[item]
                waiting.append(item)
    return reachable


def _shortest(rules: Mapping[str, Alternatives]) -> dict[str, int]:
    """Words of the shortest text that each symbol derives."""
    lengths: dict[str, int] = {}
    growing = True
    while growing:
        growing = False
        for symbol, sides in rules.items():
            ending = (side for side in sides if all(item in lengths or item not in rules for item in side))
            least = min((sum(lengths.get(item, 1) for item in side) for side in ending), default=None)
            if least is not None and least < lengths.get(symbol, least + 1):
                lengths[symbol] = least
                growing = True
    endless = sorted(rules.keys() - lengths.keys())
    if endless:
        raise ValueError(f"symbol {endless[0]!r} never ends: each of its right sides leads back to a symbol like it")
    return lengths


def _check_ends(rules: Mapping[str, Alternatives]) -> None:
    """Refuses rules whose sentences have no finite mean length.

    The symbols of a derivation are a branching process with as many types as there are symbols; its mean size is finite
    if and only if the matrix of mean offspring has spectral radius < 1 (T. L. Booth and R. A. Thompson, Applying
    probability measures to abstract languages, 1973).
    """
    index = {symbol: i for i, symbol in enumerate(rules)}
    mean_offspring = np.zeros((len(rules), len(rules)))
    for symbol, sides in rules.items():
        total = sum(sides.values())
        for side, weight in sides.items():
            for item in side:
                if item in index:
                    mean_offspring[index[symbol], index[item]] += weight / total
    radius = np.abs(np.linalg.eigvals(mean_offspring)).max()
    if radius >= 1:
        raise ValueError(
            f"the rules lead back to themselves too often: a symbol brings forth {radius:.3g} of its like on average; "
            "at 1 or more, sentences grow without end. Give less weight to the right sides that lead back"
        )
