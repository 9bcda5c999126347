"""Reader of configurations in the form before agents had names.

Then an algorithm was called a row, `init_from` `starts_from`, `parent` `source` and `threshold` `reach`, and an agent
was named by where its class stood. What keyword arguments of environments were called is left as it is: of results that
lie on the disk only labels, seeds, measures, evaluation and lineage are read. Digests of settings were of the old form:
a run under way, or one that begins as another's agent, is not gone on with.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

EXPERIMENT_KEYS: Mapping[str, str] = MappingProxyType({"reach": "threshold"})
KEYS: Mapping[str, str] = MappingProxyType({"row": "algorithm", "source": "parent"})
ALGORITHM_KEYS: Mapping[str, str] = MappingProxyType({"starts_from": "init_from"})
AGENT_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "agents.actor_critic:ActorCritic": "a2c",
        "agents.deep_sarsa:DeepSarsa": "deep_sarsa",
        "agents.dqn:DQN": "dqn",
        "agents.grpo:GRPO": "grpo",
        "agents.gumbel_softmax:GumbelSoftmax": "gumbel_softmax",
        "agents.mc_prediction:MCPrediction": "mc_prediction",
        "agents.mixer:Mixer": "mixer",
        "agents.mle:MLE": "mle",
        "agents.natural_policy_gradient:NaturalPolicyGradient": "npg",
        "agents.off_policy:OffPolicy": "off_policy",
        "agents.pg_bleu:PGBleu": "pg_bleu",
        "agents.ppo:PPO": "ppo",
        "agents.q_learning:QLearning": "q_learning",
        "agents.random:Random": "uniform",
        "agents.reinforce:Reinforce": "reinforce",
        "agents.rloo:RLOO": "rloo",
        "agents.sarsa:Sarsa": "sarsa",
        "agents.scheduled_sampling:ScheduledSampling": "scheduled_sampling",
        "agents.self_critical:SelfCritical": "self_critical",
        "agents.seqgan:SeqGAN": "seqgan",
        "agents.soft_policy_gradient:SoftPolicyGradient": "soft_policy_gradient",
        "agents.td_prediction:TDPrediction": "td_prediction",
        "agents.tempered:Tempered": "tempered",
        "agents.trpo:TRPO": "trpo",
        "agents.unigram:Unigram": "unigram",
    }
)


def in_new_form(config: Mapping[str, Any]) -> dict[str, Any]:
    """A run's configuration as `Run.to_config` gives it now; one of that form already is returned as it is."""
    if "row" not in config:
        return dict(config)
    renamed = _renamed(config, KEYS)
    if isinstance(renamed["algorithm"], Mapping):
        algorithm = _renamed(renamed["algorithm"], ALGORITHM_KEYS)
        agent = algorithm.get("agent")
        renamed["algorithm"] = {**algorithm, "agent": AGENT_NAMES.get(str(agent), agent)}
    return renamed


def _renamed(content: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in content.items()}
