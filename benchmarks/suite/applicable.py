"""Agents that apply to an environment, by what they themselves say: one that refuses it says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium

import textgen_env  # noqa: F401  registers the ids
from agents import AGENTS
from agents.value.prediction import PolicyEvaluation
from benchmarks.specs.experiment import Algorithm
from benchmarks.specs.named import NamedAgent, agent_names, named_agent
from benchmarks.suite.games import LEARNED, Game
from benchmarks.suite.hyperparameters import CHEAPER_POLICIES, agent_settings, sb3_rows, sb3_settings
from textgen_env import text_game

BASELINE = "uniform"
# What an agent that begins with likelihood asks of a reward shows once it follows the reward.
PRETRAINING = ("pretrain_epochs", "d_pretrain_steps")


@dataclass(frozen=True)
class Applicable:
    """Agents for one environment.

    Attributes:
        algorithms: of those that apply.
        refused: name of an agent -> why it does not apply, in its own words.
    """

    algorithms: tuple[Algorithm, ...]
    refused: Mapping[str, str]


def applicable(game: Game, tokens: int, agents: Sequence[str] | None = None) -> Applicable:
    """The agents that apply to an environment: all that can be made for it and choose a token.

    An adversarial one, which decides itself when its reward learns, is given a reward that waits for that.

    Args:
        game: the environment.
        tokens: of training, each agent's.
        agents: names, as `agent_names` has them; None for all.
    """
    algorithms: list[Algorithm] = []
    refused: dict[str, str] = {}
    made = [(kwargs, gymnasium.make_vec(game.env_id, num_envs=2, **kwargs)) for kwargs in _forms(game)]
    task = text_game(made[0][1]).task
    for name in agent_names() if agents is None else agents:
        agent = named_agent(name)
        if agent.kind == "sb3":
            algorithms.append(_sb3(label_of(name), agent, tokens, task))
            continue
        agent_class = AGENTS.load(name)
        config = getattr(agent_class, "config_class", None)
        settings = {} if config is None else agent_settings(config, tokens, task)
        reasons = []
        for kwargs, envs in made:
            reason = _refusal(agent_class, settings, envs)
            if not reason:
                own = {} if kwargs is made[0][0] else {"reward": kwargs["reward"]}
                algorithms.append(Algorithm(name, name, tokens, hyperparameters=settings, masked=True, env_kwargs=own))
                break
            reasons.append(reason)
        else:
            refused[name] = reasons[-1]
    for _, envs in made:
        envs.close()
    return Applicable(tuple(algorithms), refused)


def label_of(agent: str) -> str:
    """The label in the suite of an agent by its name: "sb3-PPO" of "sb3/PPO"."""
    return agent.replace("/", "-")


def _forms(game: Game) -> list[dict[str, Any]]:
    """The environment's arguments; where its reward learns by itself, also those with which it waits to be told to."""
    own = dict(game.kwargs)
    if game.row.reward_name != LEARNED:
        return [own]
    return [own, {**own, "reward": {**own["reward"], "auto_update": False}}]


def _refusal(agent_class: Any, settings: Mapping[str, Any], envs: Any) -> str:
    """Why an agent does not apply; "" for one that does."""
    if issubclass(agent_class, PolicyEvaluation):
        return "it tells what the texts of a policy are worth, and looks for no better ones"
    later = {name: 0 for name in PRETRAINING if settings.get(name)}
    config = agent_class.config_class(**{**settings, **later}) if settings else None
    try:
        agent = agent_class(envs, config=config, seed=0)
        agent.predict(envs.reset(seed=0)[0])
        if later:
            agent.train(envs, 1)
    except (ValueError, RuntimeError) as error:
        return " ".join(str(error).split())
    return ""


def _sb3(label: str, agent: NamedAgent, tokens: int, task: Any) -> Algorithm:
    return Algorithm(
        label,
        agent.path,
        tokens,
        "sb3",
        policy=agent.policies[task.sources is not None],
        hyperparameters=sb3_settings(agent, tokens, task),
        masked=agent.path.endswith(":MaskablePPO"),
        num_envs=sb3_rows(agent),
        policy_kwargs=CHEAPER_POLICIES.get(agent.path.partition(":")[2], {}),
    )
