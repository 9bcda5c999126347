import json
from collections import Counter

import numpy as np
import pytest

from textgen_env.tasks.grammar import Grammar

SMALL = {
    "start": "Sentence",
    "features": {"n": ["sg", "pl"], "k": ["person", "animal"]},
    "inflections": ["n"],
    "rules": {
        "Sentence": {"Clause[sg] .": 3, "Clause[pl] .": 1},
        "Clause[n]": {"Det[n] Noun[person,n] is/are Asleep": 2, "the Noun[animal,n] sleeps/sleep": 1},
        "Det[sg]": ["a"],
        "Det[pl]": ["two", ""],
        "Noun[person,n]": ["man/men", "elder/elders"],
        "Noun[animal,n]": ["dog/dogs"],
        "Asleep": ["asleep", "not awake"],
    },
    "allomorphs": {"a": {"an": ["elder"]}},
}


def grammar(**changes: object) -> Grammar:
    return Grammar.from_json(json.dumps(SMALL | changes))


def rules(**changes: object) -> Grammar:
    return grammar(rules=SMALL["rules"] | changes)


def test_sentences_come_as_often_as_the_weights_say() -> None:
    drawn, rng = grammar(), np.random.default_rng(0)
    counts = Counter(" ".join(drawn.sample(rng)) for _ in range(40_000))
    expected = {
        "the dog sleeps .": 3 / 4 * 1 / 3,
        "the dogs sleep .": 1 / 4 * 1 / 3,
        **{f"{who} is {how} .": 3 / 4 * 2 / 3 / 4 for who in ("a man", "an elder") for how in ("asleep", "not awake")},
        **{
            f"{who} are {how} .": 1 / 4 * 2 / 3 / 8
            for who in ("men", "elders", "two men", "two elders")
            for how in ("asleep", "not awake")
        },
    }
    assert sum(expected.values()) == pytest.approx(1)
    assert counts.keys() == expected.keys()
    for sentence, probability in expected.items():
        deviation = (probability * (1 - probability) / 40_000) ** 0.5
        assert abs(counts[sentence] / 40_000 - probability) < 4.5 * deviation, sentence


def test_words_are_the_reachable_terminals_and_nothing_else() -> None:
    expected = "a an two man men elder elders the dog dogs is are sleeps sleep asleep not awake ."
    assert grammar().words == tuple(sorted(expected.split()))
    assert grammar().shortest == 4  # "men are asleep ."


def test_sampling_depends_on_the_generator_alone() -> None:
    first, second = np.random.default_rng(5), np.random.default_rng(5)
    np.random.seed(0)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    assert [grammar().sample(first) for _ in range(50)] == [grammar().sample(second) for _ in range(50)]
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_recursion_that_ends_is_sampled_to_its_mean_length() -> None:
    # X -> x X with probability 3/4: the number of words is geometric, with mean 4.
    recursive = Grammar("X", {"X": {("x", "X"): 3.0, ("x",): 1.0}})
    rng = np.random.default_rng(0)
    assert np.mean([len(recursive.sample(rng)) for _ in range(20_000)]) == pytest.approx(4, rel=0.05)


def test_deep_recursion_does_not_reach_pythons_limit() -> None:
    deep = Grammar("X", {"X": {("x", "X"): 9_999.0, ("x",): 1.0}})
    rng = np.random.default_rng(0)
    assert max(len(deep.sample(rng)) for _ in range(5)) > 5_000


def test_a_weight_is_relative() -> None:
    rng = np.random.default_rng(0)
    tiny = Grammar("X", {"X": {("x",): 1e-300, ("y",): 1e-300}})
    assert {tiny.sample(rng)[0] for _ in range(50)} == {"x", "y"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": "Nothing"}, "start='Nothing' has no rule"),
        ({"begin": "Sentence"}, "key 'begin' is unknown"),
        ({"rules": []}, "'rules' must be a dict, got list"),
        ({"features": {"n": []}}, "'n' must be a list of its values"),
        ({"features": {"n": ["sg", "k"], "k": ["x"]}}, "also the name of a feature"),
        ({"inflections": ["m"]}, "'m' is not among the features"),
        ({"allomorphs": {"a": {"an": ["owl"]}}}, "'owl' is not a word of the grammar"),
        ({"allomorphs": {"a": "an"}}, "'a' must be an object of form"),
    ],
)
def test_what_is_wrong_with_a_grammar_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        grammar(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Asleep": ["Quite asleep"]}, "symbol 'Quite', used by 'Asleep', has no rule"),
        ({"Asleep": {"asleep": 0}}, r"symbol 'Asleep': the weight of 'asleep' is 0; .* positive"),
        ({"Asleep": {"asleep": -1}}, "positive"),
        ({"Asleep": {"asleep": float("nan")}}, "positive"),
        ({"Asleep": {"asleep": float("inf")}}, "finite"),
        ({"Asleep": {"asleep": "2"}}, "the weight of 'asleep' is '2'"),
        ({"Asleep": {"asleep": True}}, "the weight of 'asleep' is True"),
        ({"Asleep": []}, "'Asleep' has no right side"),
        ({"Asleep": "asleep"}, "rule 'Asleep': its right sides must be a list"),
        ({"Asleep": [["asleep"]]}, "rule 'Asleep': its right sides must be a list"),
        ({"Asleep": ["asleep", "asleep"]}, "'asleep' is written twice"),
        ({"Asleep": ["very Asleep"]}, "'Asleep' never ends"),
        ({"Asleep": {"Asleep Asleep": 2, "asleep": 1}}, "grow without end"),
        ({"Asleep": {"Asleep Asleep": 1, "asleep": 1}}, "grow without end"),
        ({"Asleep": ["sleeps/sleep"]}, "rule 'Asleep': 'sleeps/sleep' has 2 forms"),
        ({"Noun[animal,n]": ["dog/dogs/doggies"]}, "has 3 forms"),
        ({"Noun[animal,n]": ["dog/"]}, "'dog/' has 2 forms"),
        ({"Asleep": ["Noun[animal,n]"]}, "the variable 'n' of .* is not on the left side"),
        ({"Asleep": ["Noun[animal"]}, "is not a symbol"),
        ({"asleep": ["x"]}, "'asleep' is not a symbol"),
        ({"Det[n]": ["the"]}, r"both define Det\[sg\]"),
        ({"Spare": ["x"]}, "rule 'Spare' is never used"),
    ],
)
def test_what_is_wrong_with_a_rule_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rules(**changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "must be an object with the keys"),
        ('{"start": "X"}', "must be an object with the keys"),
        ('{"start": "X", "rules": {"X": {"x": 1, "x": 2}}}', "'x' is written twice"),
    ],
)
def test_a_file_that_is_no_grammar_is_refused_by_name(tmp_path, text: str, message: str) -> None:
    path = tmp_path / "grammar.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        Grammar.from_file(path)
    assert str(caught.value).startswith(str(path))
