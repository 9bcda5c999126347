"""Agents for the environments of textgen_env: one file an algorithm, one policy network for all.

An agent is named: in experiments, on the command line and in results. `register_agent` adds a name of your own.
"""

from __future__ import annotations

from typing import Any

from textgen_env.registries import Registry

AGENTS = Registry("agent")


def register_agent(name: str, agent: Any) -> None:
    """Names an agent, for experiments, the command line and results.

    Args:
        name: letters, digits and `_`.
        agent: a class that follows `agents.protocol.Agent`, or its import path "module:Class". Worker processes know a
            class by where it can be imported from: let the module that defines it register it.

    Raises:
        TypeError, ValueError: a name or a class that is not allowed, or a name that is taken.
    """
    AGENTS.register(name, agent)


register_agent("uniform", "agents.baselines.uniform:Uniform")
register_agent("unigram", "agents.baselines.unigram:Unigram")
register_agent("tempered", "agents.baselines.tempered:Tempered")
register_agent("mle", "agents.imitation.mle:MLE")
register_agent("scheduled_sampling", "agents.imitation.scheduled_sampling:ScheduledSampling")
register_agent("reinforce", "agents.policy_gradient.reinforce:Reinforce")
register_agent("a2c", "agents.policy_gradient.a2c:A2C")
register_agent("ppo", "agents.policy_gradient.ppo:PPO")
register_agent("npg", "agents.policy_gradient.npg:NPG")
register_agent("trpo", "agents.policy_gradient.trpo:TRPO")
register_agent("rloo", "agents.policy_gradient.rloo:RLOO")
register_agent("grpo", "agents.policy_gradient.grpo:GRPO")
register_agent("self_critical", "agents.policy_gradient.self_critical:SelfCritical")
register_agent("mixer", "agents.policy_gradient.mixer:Mixer")
register_agent("off_policy", "agents.policy_gradient.off_policy:OffPolicy")
register_agent("soft_policy_gradient", "agents.policy_gradient.soft:SoftPolicyGradient")
register_agent("mc_prediction", "agents.value.mc_prediction:MCPrediction")
register_agent("td_prediction", "agents.value.td_prediction:TDPrediction")
register_agent("q_learning", "agents.value.q_learning:QLearning")
register_agent("sarsa", "agents.value.sarsa:Sarsa")
register_agent("dqn", "agents.value.dqn:DQN")
register_agent("deep_sarsa", "agents.value.deep_sarsa:DeepSarsa")
register_agent("seqgan", "agents.adversarial.seqgan:SeqGAN")
register_agent("pg_bleu", "agents.adversarial.pg_bleu:PGBleu")
register_agent("gumbel_softmax", "agents.adversarial.gumbel_softmax:GumbelSoftmax")
