"""The table of ids, and how an id is entered into Gymnasium's registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec

from textgen_env.data.folders import how_to_get, is_present
from textgen_env.registries import check_trusted
from textgen_env.specs import GAME_ARGUMENTS, plain

ENTRY_POINT = "textgen_env.env:TextGenEnv"
VECTOR_ENTRY_POINT = "textgen_env.vector:TextGenVectorEnv"


@dataclass(frozen=True)
class EnvRow:
    """One registered id.

    Attributes:
        id: "TextGen-<Task>[<Reward>]-v<N>"; N grows when reward, observation or data change.
        task: a name.
        reward: a name, or a mapping of a name and arguments.
        arguments: of the task, which differ from its defaults.
        history: what changed with each version.
        data: names of `textgen_env.data` that the task reads, and that `make` cannot do without.
        needs: arguments that `make` cannot do without, as a user gives them: "path=... or texts=..."; "" for none.
    """

    id: str
    task: str
    reward: str | Mapping[str, Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[str, ...] = ("v0: first release.",)
    data: tuple[str, ...] = ()
    needs: str = ""

    @property
    def reward_name(self) -> str:
        """The reward without its arguments."""
        return self.reward if isinstance(self.reward, str) else str(self.reward["name"])

    @property
    def lacks(self) -> str:
        """Needs of `make(id)` alone that are not met on this machine, in words; "" if none."""
        absent = [f"the data {name!r}: {how_to_get(name)}" for name in self.data if not is_present(name)]
        return "; ".join([*([f"an argument: {self.needs}"] if self.needs else []), *absent])


SMALL: Mapping[str, Any] = {"vocab_size": 100, "max_length": 10}
TEXTS = "path='reviews.txt', or texts=['a text', ...]"
PAIRS = "path='pairs.tsv', or pairs=[('a source', 'a target'), ...]"
CAPTIONS_V0 = (
    "v0: first release. Any five words of a training sentence in a row earn 1.0; real sentences earn 0.93 on average."
)
TABLE: tuple[EnvRow, ...] = (
    EnvRow("TextGen-Tiny-v0", "tiny", "table"),
    EnvRow("TextGen-Oracle-v0", "oracle", "likelihood"),
    EnvRow("TextGen-OracleBLEU-v0", "oracle", "bleu"),
    EnvRow("TextGen-OracleGAN-v0", "oracle", "discriminator"),
    EnvRow("TextGen-OracleSmall-v0", "oracle", "likelihood", SMALL),
    EnvRow("TextGen-OracleSmallBLEU-v0", "oracle", "bleu", SMALL),
    EnvRow("TextGen-OracleSmallGAN-v0", "oracle", "discriminator", SMALL),
    EnvRow(
        "TextGen-Captions-v0",
        "captions",
        "bleu",
        history=(CAPTIONS_V0,),
    ),
    EnvRow(
        "TextGen-Captions-v1",
        "captions",
        {"name": "bleu", "boundaries": True},
        history=(
            CAPTIONS_V0,
            "v1: the beginning and the end of a sentence are tokens of the n-grams, so that a fragment is no sentence.",
        ),
    ),
    EnvRow("TextGen-CaptionsGAN-v0", "captions", "discriminator"),
    EnvRow("TextGen-NumberWords-v0", "number_words", "bleu"),
    EnvRow("TextGen-Poems-v0", "poems", {"name": "bleu", "max_order": 2}, data=("poems",)),
    EnvRow("TextGen-PoemsGAN-v0", "poems", "discriminator", data=("poems",)),
    EnvRow(
        "TextGen-Music-v0",
        "music",
        {"name": "bleu", "max_order": 4},
        history=("v0: first release. A single key, held throughout, earns 1.0; real melodies earn 0.96 on average.",),
        data=("music",),
    ),
    EnvRow("TextGen-MusicGAN-v0", "music", "discriminator", data=("music",)),
    EnvRow("TextGen-Corpus-v0", "corpus", {"name": "bleu", "boundaries": True}, needs=TEXTS),
    EnvRow("TextGen-CorpusGAN-v0", "corpus", "discriminator", needs=TEXTS),
    EnvRow("TextGen-Parallel-v0", "parallel", "bleu", needs=PAIRS),
    EnvRow(
        "TextGen-Speeches-v0",
        "speeches",
        {"name": "bleu", "max_order": 3},
        data=("speeches",),
        history=("v0: first release. Any few words of a training sentence in a row earn 1.0, as BLEU-3 has it.",),
    ),
    EnvRow("TextGen-SpeechesGAN-v0", "speeches", "discriminator", data=("speeches",)),
    EnvRow("TextGen-Transcribe-v0", "transcribe", {"name": "error_rate", "output": "negative"}),
)


def register_environment(id: str, task: object, reward: object, **arguments: Any) -> None:
    """Enters an id into Gymnasium's registry, with its vector environment; harmless when repeated.

    Args:
        id: as Gymnasium has them: "MyTexts/Haiku-v0".
        task, reward: as `gym.make` takes them; names and mappings keep the id's spec plain JSON.
        arguments: of the task, or the game's own `reward_mode`, `min_length`, `mask_penalty` and `render_mode`.
            `gym.make(id, ...)` takes others in their place; with another `task=`, none of the task's stay.

    Raises:
        TypeError: arguments beside a task that is an object.
        ValueError: an id that is taken by something else.
        gymnasium.error.Error: no form of an id.
    """
    of_game = {name: value for name, value in arguments.items() if name in GAME_ARGUMENTS}
    of_task = {name: value for name, value in arguments.items() if name not in GAME_ARGUMENTS}
    kwargs = {"task": _with_arguments(id, task, of_task), "reward": reward, **of_game}
    known = gymnasium.registry.get(id)
    if known is not None:
        if known.entry_point == ENTRY_POINT and plain(known.kwargs) == plain(kwargs):
            return
        raise ValueError(
            f"id={id!r} is registered already, as {known.entry_point!r} with {known.kwargs!r}; choose another id"
        )
    gymnasium.register(
        id,
        entry_point=ENTRY_POINT,
        vector_entry_point=VECTOR_ENTRY_POINT,
        kwargs=kwargs,
        # The core checks actions and the order of calls itself, in every view.
        disable_env_checker=True,
        order_enforce=False,
    )


def register() -> None:
    """Enters every row of the table into Gymnasium's registry; harmless when repeated."""
    for row in TABLE:
        register_environment(row.id, row.task, row.reward, **row.arguments)


def find_spec(id: str) -> EnvSpec:
    """The entry of an id in Gymnasium's registry; of "module:id" after importing the module, as `gym.make` does.

    Raises:
        gymnasium.error.Error: an unknown id.
        ModuleNotFoundError: no such module.
        textgen_env.registries.UntrustedPath: a module to import, within `names_alone`.
    """
    module, colon, name = id.partition(":")
    if colon:
        check_trusted("env_id", id)
        import_module(module)
    return gymnasium.spec(name if colon else id)


def writes_texts(id: str) -> bool:
    """Whether an id is of an environment that `register_environment` entered; nothing is made.

    Raises:
        as `find_spec`.
    """
    return find_spec(id).entry_point == ENTRY_POINT


def _with_arguments(id: str, task: object, arguments: dict[str, Any]) -> object:
    if not arguments:
        return task
    if isinstance(task, str):
        return {"name": task, **arguments}
    if isinstance(task, Mapping):
        return {**task, **arguments}
    raise TypeError(
        f"id={id!r}: task={task!r} is no name; the arguments {sorted(arguments)} are for a task by name or import path"
    )
