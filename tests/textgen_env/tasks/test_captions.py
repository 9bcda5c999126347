import re
from itertools import pairwise

import numpy as np
import pytest

from textgen_env.tasks.base import Task
from textgen_env.tasks.captions import CaptionsTask, captions_grammar
from textgen_env.tasks.grammar import Grammar


def listed(words: str) -> list[str]:
    return words.split()


# An account of English number that knows nothing of the grammar's rules.
NOUNS = dict(
    pair.split("/")
    for pair in listed(
        """
        man/men woman/women boy/boys girl/girls person/people child/children surfer/surfers skier/skiers player/players
        skateboarder/skateboarders chef/chefs officer/officers dog/dogs cat/cats cow/cows horse/horses
        elephant/elephants giraffe/giraffes zebra/zebras bear/bears bird/birds duck/ducks car/cars truck/trucks
        bus/buses bike/bikes bicycle/bicycles motorcycle/motorcycles train/trains plane/planes airplane/airplanes
        boat/boats kite/kites plate/plates bowl/bowls pizza/pizzas sandwich/sandwiches piece/pieces cup/cups
        glass/glasses box/boxes pile/piles sign/signs light/lights clock/clocks tower/towers hydrant/hydrants
        laptop/laptops computer/computers book/books phone/phones vase/vases suitcase/suitcases backpack/backpacks
        bag/bags bench/benches umbrella/umbrellas surfboard/surfboards slice/slices apple/apples banana/bananas
        cake/cakes knife/knives racket/rackets bat/bats camera/cameras hat/hats shirt/shirts jacket/jackets suit/suits
        dress/dresses bed/beds chair/chairs window/windows building/buildings tree/trees wall/walls couch/couches
        desk/desks table/tables house/houses mouth/mouths
        """
    )
)
SINGULAR = NOUNS.keys() | set(
    listed(
        """
        airport ball bathroom bathtub beach bedroom branch bridge city corner counter court day door farm fence field
        fireplace floor forest fork frisbee game garden group herd hill keyboard kitchen lake lamp lot market mirror
        mountain ocean oven park path photo picture ramp refrigerator restaurant river road rock room rug runway shower
        sidewalk sink sky snow station stop store stove street television top town toy toilet trick view wave yard zoo
        """
    )
)
PLURAL = set(NOUNS.values()) | set(listed("branches cabinets carrots clouds flowers mountains oranges shorts tomatoes"))
BOTH = {"sheep"}
COUNTERS = {"two", "three", "four", "several", "some"}
ING_THAT_DESCRIBES = {"smiling", "living", "parking", "building"}
FINITE = dict(
    pair.split("/")
    for pair in listed(
        """
        is/are rides/ride walks/walk runs/run sits/sit stands/stand holds/hold eats/eat plays/play looks/look
        sleeps/sleep flies/fly jumps/jump
        """
    )
)
CLOSERS = {*FINITE, *FINITE.values()} | set(
    listed(
        """
        . a an the two and of on in at with to from by for next near under over above behind along down up through
        across past into out off against around parked covered filled full his her its their
        """
    )
)
OWNER = {"his": {"man", "boy"}, "her": {"woman", "girl"}, "its": {"dog", "cat"}}


def head_number(words: list[str]) -> str:
    """The number of the noun phrase, less its determiner, that `words` begin with."""
    phrase: list[str] = []
    for word in words:
        if word in CLOSERS or (word.endswith("ing") and word not in ING_THAT_DESCRIBES):
            break
        phrase.append(word)
    head = phrase[-1] if phrase else "nothing"
    if head in BOTH:
        return "any"
    assert (head in SINGULAR) != (head in PLURAL), f"the test does not know the noun {head!r} of {words}"
    return "sg" if head in SINGULAR else "pl"


def disagreement(sentence: str) -> str | None:
    """What is wrong with the number of a sentence, or None."""
    sentence = re.sub(r"\b(black|blue|brown|red) and white\b", r"\1-white", sentence)
    words = sentence.replace("parked car", "car").replace("smiling at", "looking at").split()
    for i, word in enumerate(words):
        if word in {"a", "an"}:
            vowel = words[i + 1][0] in "aeiou"
            if vowel != (word == "an"):
                return f"{word} {words[i + 1]}"
            if head_number(words[i + 1 :]) == "pl":
                return f"{word} before a plural: {words[i + 1 : i + 4]}"
        if word in COUNTERS and head_number(words[i + 1 :]) == "sg":
            return f"{word} before a singular: {words[i + 1 : i + 4]}"
    if words[0] == "there":
        many = words[2] not in {"a", "an", "snow"}
        if (words[1] == "are") != many:
            return f"there {words[1]} {words[2]}"
        words = words[2:]
    if words[1] in {"photo", "picture", "group", "herd"} and words[2] == "of":
        words = words[3:]
    subject_ends = next((i for i, w in enumerate(words) if w in FINITE or w in FINITE.values()), None)
    start = 0 if words[0] not in {"a", "an", "the"} | COUNTERS else 1
    pair = re.match(r"an? (\w+ ){1,2}and (a|an|his|her) ", " ".join(words))
    number = "pl" if pair else head_number(words[start:])
    if subject_ends is not None:
        verb = words[subject_ends]
        if number != "any" and (verb in FINITE) != (number == "sg"):
            return f"{number} subject with {verb!r}"
    inside_pair = len(pair[0].split()) if pair else 0
    for word in words[inside_pair:]:
        if word == "their" and number == "sg":
            return "'their' of a singular"
        if word in OWNER and (number == "pl" or OWNER[word].isdisjoint(words[: words.index(word)])):
            return f"{word!r} of a {number} or of another"
    return None


@pytest.fixture(scope="module")
def task() -> CaptionsTask:
    return CaptionsTask()


@pytest.fixture(scope="module")
def sentences(task: CaptionsTask) -> list[str]:
    return [task.vocabulary.decode(row) for row in task.training_sequences().tokens.tolist()]


def test_number_agrees_in_every_sentence(sentences: list[str]) -> None:
    wrong = [(sentence, reason) for sentence in sentences if (reason := disagreement(sentence))]
    assert not wrong, wrong[:5]
    verbs = {word for sentence in sentences for word in sentence.split()} & (FINITE.keys() | set(FINITE.values()))
    assert verbs == FINITE.keys() | set(FINITE.values())


@pytest.mark.parametrize(
    "sentence",
    [
        "a dogs is sleeping on a bed .",
        "two dog are sleeping on a bed .",
        "two dogs is sleeping on a bed .",
        "a dog are sleeping on a bed .",
        "the dog sleep on a bed .",
        "some cows stands in a field .",
        "a plate of carrots are on a table .",
        "there is two birds on a fence .",
        "there are a bird on a fence .",
        "a man and a woman is walking on the beach .",
        "a old man is walking on the beach .",
        "an man is walking on the beach .",
        "a man rides their bike .",
        "two men ride his bike .",
        "a woman is riding his bike .",
        "a photo of a man walking their dog .",
        "a group of men walking his dogs .",
        "a person holding two umbrella .",
    ],
)
def test_the_check_of_agreement_sees_mistakes(sentence: str) -> None:
    assert disagreement(sentence)


def test_a_count_noun_in_the_singular_has_a_determiner(sentences: list[str]) -> None:
    things = listed(
        "man woman boy girl person child dog cat cow horse umbrella phone bike bicycle plate couch boat knife"
    )
    bare = rf"\b(?:in|on|at|with|to|by|near|under|of|and|holding|riding|using|petting|walking) (?:{'|'.join(things)})\b"
    found = [s for s in sentences if re.search(bare, s)]
    assert not found, found[:5]


def test_sentences_look_like_captions(task: CaptionsTask, sentences: list[str]) -> None:
    for sentence in sentences:
        words = sentence.split()
        assert words[-1] == "."
        assert words.count(".") == 1
        assert sentence == sentence.lower()
        assert all(a != b for a, b in pairwise(words)), sentence
    lengths = task.training_sequences().lengths - 1
    assert lengths.min() in {5, 6}
    assert lengths.max() == 19
    assert 10 < lengths.mean() < 12.5
    assert 300 <= len(task.grammar.words) <= 450


def test_the_grammar_is_rich() -> None:
    rng = np.random.default_rng(0)
    drawn = [tuple(captions_grammar().sample(rng)) for _ in range(20_000)]
    assert len(set(drawn)) > 17_000
    assert {word for sentence in drawn for word in sentence} == set(captions_grammar().words)


def test_texts_end_with_the_end_token_and_are_padded_with_the_blank(task: CaptionsTask) -> None:
    assert isinstance(task, Task)
    assert task.vocabulary.tokens[0] == "<eos>"
    assert task.vocabulary.tokens[1:] == task.grammar.words
    for texts, count in [(task.training_sequences(), 10_000), (task.test_sequences(), 1_000)]:
        assert texts.tokens.shape == (count, 20)
        assert texts.tokens.dtype == texts.lengths.dtype == np.int64
        assert texts.sources is None
        assert np.array_equal(texts.tokens == 0, np.arange(20) == texts.lengths[:, None] - 1)
        assert np.array_equal(texts.tokens == task.vocabulary.blank_id, np.arange(20) >= texts.lengths[:, None])
    assert np.array_equal(task.references().tokens, task.training_sequences().tokens)


def test_training_and_test_sentences_are_distinct_and_disjoint(task: CaptionsTask) -> None:
    train = {tuple(row) for row in task.training_sequences().tokens.tolist()}
    test = {tuple(row) for row in task.test_sequences().tokens.tolist()}
    assert len(train) == 10_000
    assert len(test) == 1_000
    assert not train & test


def test_the_data_depend_on_the_seed_alone(task: CaptionsTask) -> None:
    again = CaptionsTask()
    assert np.array_equal(again.test_sequences().tokens, task.test_sequences().tokens)  # asked for in another order
    assert np.array_equal(again.training_sequences().tokens, task.training_sequences().tokens)
    other = CaptionsTask(seed=1)
    assert other.vocabulary == task.vocabulary
    assert not np.array_equal(other.training_sequences().tokens, task.training_sequences().tokens)


def test_data_handed_out_are_the_callers_own(task: CaptionsTask) -> None:
    handed_out = task.training_sequences()
    handed_out.tokens[:] = 0
    assert (task.training_sequences().tokens[:, 0] != 0).all()


@pytest.mark.parametrize("kwarg", ["max_length", "train_size", "test_size"])
def test_sizes_are_whole_numbers_above_zero(kwarg: str) -> None:
    with pytest.raises(ValueError, match=f"{kwarg}=0"):
        CaptionsTask(**{kwarg: 0})
    with pytest.raises(TypeError, match=f"{kwarg}=2.5"):
        CaptionsTask(**{kwarg: 2.5})


def test_the_seed_is_a_whole_number() -> None:
    with pytest.raises(ValueError, match="seed=-1"):
        CaptionsTask(seed=-1)
    with pytest.raises(TypeError, match="seed='a'"):
        CaptionsTask(seed="a")


@pytest.mark.parametrize("max_length", [1, 6, 7])
def test_too_short_a_horizon_names_the_least_that_works(max_length: int) -> None:
    sizes = {"train_size": 400, "test_size": 100}
    with pytest.raises(ValueError, match=rf"max_length={max_length} is too short") as caught:
        CaptionsTask(max_length, **sizes)
    least = int(re.search(r"at least (\d+)", str(caught.value))[1])
    assert max_length < least
    assert CaptionsTask(least, **sizes).training_sequences().lengths.max() == least
    with pytest.raises(ValueError, match=f"max_length={least - 1} is too short"):
        CaptionsTask(least - 1, **sizes)


def test_more_sentences_than_the_grammar_has_are_refused() -> None:
    small = CaptionsTask(train_size=3, test_size=2)
    small.grammar = Grammar("Sentence", {"Sentence": {(word, "."): 1.0 for word in ("dogs", "cats", "cows", "men")}})
    with pytest.raises(ValueError, match=r"train_size \+ test_size = 5 .* only 4"):
        small.training_sequences()
