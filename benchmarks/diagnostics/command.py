"""Command `python -m benchmarks diagnose`: scores, tables and radar pictures of the experiment diagnostics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.refusal import refusing

NAME = "diagnostics"
FORMAT = 1


def diagnose(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="of `run diagnostics`: its folder of results")],
    out: Annotated[Path | None, typer.Option(help="the folder of table and picture", show_default="DIR")] = None,
) -> None:
    """Scores agents in each diagnostic, between uniform tokens and the exact optimum, and draws a radar an agent."""
    from benchmarks.analysis.load import collect
    from benchmarks.diagnostics.knobs import CONTROL, KNOBS
    from benchmarks.diagnostics.plot import radars
    from benchmarks.diagnostics.scores import SEPARATOR, scores
    from benchmarks.diagnostics.table import DEFINITION, markdown, runs_csv, score_table, scores_csv
    from benchmarks.report.terminal import print_table, say
    from benchmarks.store.run_folder import write_json, write_text
    from benchmarks.throughput.plot import write_picture
    from textgen_env.registries import names_alone

    console = Console()
    with refusing():
        with names_alone(folder):
            collected = collect(folder)
            agents, left_out = scores(collected)
        into = collected.folder if out is None else out
        into.mkdir(parents=True, exist_ok=True)
        for reason in left_out:
            say(reason, "yellow", console)
        print_table(score_table(agents), "Scores", console, f"{NAME}.md has them")
        say(DEFINITION, "dim", console)
        configs = [each.config for each in collected.algorithms if each.config is not None]
        # An agent has one setting for all games, but for what names and makes them.
        settings = {
            str(each["algorithm"]["label"]).partition(SEPARATOR)[0]: {
                key: value for key, value in each["algorithm"].items() if key not in ("label", "env_kwargs", "policy")
            }
            for each in configs
        }
        seeds = sorted({seed for each in agents for seed in each.seeds})
        about = {"format": FORMAT, "experiment": collected.name, "seeds": seeds, "left_out": left_out}
        write_json(into / f"{NAME}.json", {**about, "versions": collected.results[0].versions, "settings": settings})
        write_text(into / "scores.csv", scores_csv(agents))
        write_text(into / f"{NAME}.csv", runs_csv(agents))
        write_text(into / f"{NAME}.md", markdown(collected.name, agents, left_out))
        found = {
            each.label: {knob.name: each.of_knob(knob) for knob in KNOBS} for each in agents if each.label != CONTROL
        }
        if found:
            write_picture(radars(found), into / "radars")
        say(f"written into {into}: {NAME}.json, .csv, .md, scores.csv, radars.png, .svg", "", console)
