"""Commands for a person's own question: train agents by name, and list what each name takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.commands.seeds import parsed_seeds
from benchmarks.refusal import refusing
from benchmarks.specs.named import agent_names, environment_ids
from benchmarks.specs.tuned import FOLDER

AGENT_HELP = f"its name, may be repeated: {', '.join(agent_names())}, or a class of your own, module:Class"
ENV_HELP = f"its id: {', '.join(environment_ids())}, or one that a module of your own registers, module:id"


def train(
    agent: Annotated[list[str], typer.Option(metavar="[LABEL=]NAME", help=AGENT_HELP, show_default=False)],
    env: Annotated[str, typer.Option(metavar="ID", help=ENV_HELP, show_default=False)],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PLACE.NAME=VALUE",
            help="an argument of the environment (env.path=reviews.txt, env.reward.max_order=3), of every agent "
            "(agent.learning_rate=0.001), of one (ppo.clip=0.1), of the evaluation (evaluation.points=10); values as "
            "in TOML, strings without quotes too; may be repeated. `arguments NAME` lists those of a name",
            show_default=False,
        ),
    ] = None,
    tokens: Annotated[int, typer.Option(help="of training, each agent's")] = 100_000,
    seeds: Annotated[str, typer.Option(help='how many (3: seeds 0, 1, 2), or which ("0,1,5"; "100-129")')] = "3",
    name: Annotated[str, typer.Option(help="of the folder below --out", show_default="environment and labels")] = "",
    jobs: Annotated[
        int | None, typer.Option(help="runs at a time, each in a process of its own", show_default="one a processor")
    ] = None,
    out: Annotated[Path, typer.Option(help="the folder of results")] = Path("runs"),
    device: Annotated[str, typer.Option(help="of torch's: cpu, cuda")] = "cpu",
    retry: Annotated[bool, typer.Option("--retry", help="do again what failed or diverged")] = False,
    untuned: Annotated[bool, typer.Option("--untuned", help="the agents' defaults, not their tuned settings")] = False,
    tuned: Annotated[
        Path, typer.Option(metavar="DIR", help="the folder of tuned settings", show_default="those that come along")
    ] = FOLDER,
) -> None:
    """Trains agents on an environment, both by name, and reports: curves, table, page.

    The same command again goes on with what was interrupted. `sample` shows texts of a run that it leaves. A rollout of
    Stable-Baselines3's algorithms is one whole text a row, unless `n_steps` is set. An agent that has settings tuned
    for the environment, with the same arguments and about as many tokens, takes them; `--set` wins.
    """
    from benchmarks.commands.doing import Choices, do_and_report
    from benchmarks.specs.question import Question, experiment_of, said_of_settings

    with refusing():
        choices = Choices(out.absolute(), jobs, parsed_seeds(seeds), device, retry)
        asked = Question(tuple(agent), env, tuple(settings or ()), tokens, name, None if untuned else tuned)
        experiment, console = experiment_of(asked), Console()
        for line in said_of_settings(asked):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        do_and_report(experiment, choices, console)


def arguments(
    name: Annotated[str, typer.Argument(help="of an agent, an environment, a task or a reward")],
    rl_zoo3: Annotated[
        bool, typer.Option("--rl-zoo3", help="of an sb3/ agent: its tuned settings, as a YAML file of rl_zoo3's")
    ] = False,
    tuned: Annotated[
        Path, typer.Option(metavar="DIR", help="the folder of tuned settings", show_default="those that come along")
    ] = FOLDER,
) -> None:
    """Lists the arguments of an agent or an environment with their defaults, as `train --set` takes them."""
    from benchmarks.specs.named_arguments import listed
    from benchmarks.specs.rl_zoo3 import as_yaml
    from textgen_env.plain_text import print_text

    with refusing():
        print_text(as_yaml(name, tuned) if rl_zoo3 else listed(name))


def schema(
    as_json: Annotated[bool, typer.Option("--json", help="as JSON Schema, for editors")] = False,
) -> None:
    """Prints what an experiment's file may hold: a TOML file that `run` takes as it is, with a comment on every key."""
    from benchmarks.specs.schema import annotated_toml, json_schema
    from textgen_env.plain_text import print_text

    print_text(json_schema() if as_json else annotated_toml().rstrip("\n"))
