"""
SeqGAN, step by step
====================

What does SeqGAN do, and does it help? Yu, Zhang, Wang and Yu (2017) train a text generator against a discriminator, by
policy gradient. This page takes their algorithm apart on a small oracle, where the truth is known. A minute shows how
it works. It cannot show whether it helps; the last section says where to look for that.
"""

# %%
# The oracle
# ----------
# The real texts are drawn from a random LSTM, the oracle. So there are two exact
# measures. ``NLL_oracle`` is how unlikely the oracle finds the agent's texts;
# ``NLL_test`` is how unlikely the agent finds the oracle's. The first alone misleads:
# an agent that writes one likely text over and over has the best of all.
import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np

import textgen_env
from agents.adversarial.rollouts import action_values, roll_out
from agents.adversarial.seqgan import SeqGAN, SeqGANConfig
from agents.baselines.tempered import Tempered, TemperedConfig
from agents.data.episodes import evaluate
from agents.imitation.mle import MLE, MLEConfig

gym.register_envs(textgen_env)

oracle = gym.make_vec("TextGen-OracleSmall-v0", num_envs=64, autoreset_mode="SameStep")
task = oracle.unwrapped.task
test = task.test_sequences()
NETWORK = {"cell": "lstm", "embedding_size": 32, "hidden_size": 32}


def measured(agent):
    """NLL_oracle and NLL_test of an agent, in nats a token."""
    written = evaluate(agent.predict, oracle, episodes=2048, seed=0)
    return -written.returns.mean() / task.max_length, -agent.log_prob(
        *test[:2]
    ).mean() / task.max_length


print(f"the oracle's entropy: {task.entropy:.2f} nats a token")

# %%
# Step 1: imitate
# ---------------
# SeqGAN begins with maximum likelihood. The oracle's entropy is the least that
# ``NLL_test`` can be.
imitator = MLE(oracle, MLEConfig(learning_rate=0.01, **NETWORK), seed=0)
imitator.train(oracle, total_tokens=600_000)
rows = {"imitation": measured(imitator)}
print("imitation: NLL_oracle {:.3f}, NLL_test {:.3f}".format(*rows["imitation"]))

# %%
# Step 2: a discriminator
# -----------------------
# The reward of the GAN games is a discriminator. By itself it learns as the agent
# writes; ``auto_update=False`` leaves that to us, as the paper's algorithm has it. It
# learns to tell the imitator's texts from real ones.
discriminator = {"name": "discriminator", "auto_update": False, "output": "log_odds"}
game = gym.make_vec(
    "TextGen-OracleSmallGAN-v0",
    num_envs=64,
    reward=discriminator,
    autoreset_mode="SameStep",
)
settings = SeqGANConfig(
    pretrain_epochs=0,
    learning_rate=0.003,
    baseline="batch_mean",
    rollouts=16,
    d_pretrain_steps=0,
    d_steps=2,
    d_samples=640,
    d_epochs=1,
    **NETWORK,
)
generator = SeqGAN(game, settings, seed=0)
generator.initialise_from(imitator)

told = [
    game.unwrapped.reward.update(generator.sample(640), steps=20) for _ in range(20)
]
fake, real = generator.sample(1000), test.tokens[:1000]
scores = [game.unwrapped.score(fake.tokens, fake.lengths), game.unwrapped.score(real)]
print(f"accuracy: {told[0]['accuracy']:.2f} at first, {told[-1]['accuracy']:.2f} later")
written, truth = (each.mean() for each in scores)
print(f"mean log-odds: {written:.2f} of written texts, {truth:.2f} of real ones")

figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.hist(scores, bins=40, histtype="step", label=["written", "real"])
axes.set(xlabel="log-odds of being real", ylabel="texts")
axes.legend()
plt.show()

# %%
# Step 3: roll-outs
# -----------------
# The discriminator scores whole texts. What is a single token worth? From every prefix
# the generator writes on, 16 times, and the mean score of those texts is the value of
# the prefix's last token (equation 4 of the paper).
text = generator.sample(1)
rollouts = roll_out(
    generator.network, text.tokens, text.lengths, 16, generator.generator
)
scored = game.unwrapped.score(rollouts.tokens, rollouts.lengths)
own = game.unwrapped.score(text.tokens, text.lengths)
values = action_values(rollouts, scored, own, text.lengths, task.max_length)[0]

figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.bar(range(len(values)), values)
axes.axhline(0, color="grey", linewidth=0.8)
axes.set_xticks(range(len(values)), task.vocabulary.decode(text.tokens[0]).split())
axes.set(xlabel="token", ylabel="value (log-odds)")
plt.show()

# %%
# Step 4: in turn
# ---------------
# ``train`` does one step of the generator, with these values in place of returns, and
# then ``d_steps`` of the discriminator, over and over. We stop here after forty steps
# of the generator.
curve, steps = [(0, *rows["imitation"])], 40


def note(progress):
    """Measures the generator after every tenth of its steps, and stops after the last."""
    done = generator.adversarial_steps / (1 + settings.d_steps)
    if done % 10 == 0:
        curve.append((int(done), *measured(generator)))
    return done < steps


generator.train(game, total_tokens=10**9, callback=note)
rows["SeqGAN"] = curve[-1][1:]

# %%
# Step 5: the controls
# --------------------
# Is a fall of ``NLL_oracle`` an improvement? Two controls tell. The first takes as many
# steps with a random number in the discriminator's place. The second trains nothing: it
# divides the imitator's logits by a temperature of 0.9.
noise = gym.make_vec(
    "TextGen-OracleSmall-v0",
    num_envs=64,
    reward="random",
    reward_mode="terminal",
    autoreset_mode="SameStep",
)
control = SeqGAN(noise, SeqGANConfig(**{**vars(settings), "d_steps": 0}), seed=0)
control.initialise_from(imitator)
control.train(
    noise, total_tokens=10**9, callback=lambda _: control.adversarial_steps < steps
)
rows["random reward"] = measured(control)
cooler = Tempered(oracle, TemperedConfig(temperature=0.9, **NETWORK), seed=0)
cooler.initialise_from(imitator)
rows["temperature 0.9"] = measured(cooler)

for name, (nll_oracle, nll_test) in rows.items():
    print(f"{name:16} NLL_oracle {nll_oracle:.3f}  NLL_test {nll_test:.3f}")

# sphinx_gallery_thumbnail_number = 3
figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
path = np.array(curve)
axes.plot(path[:, 1], path[:, 2], marker=".", color="grey", linewidth=1)
for name, place in rows.items():
    axes.plot(*place, marker="o", linestyle="", label=name)
axes.legend()
axes.set(xlabel="NLL_oracle (nats a token)", ylabel="NLL_test (nats a token)")
plt.show()

# %%
# Left and down is better. A temperature moves far to the left without any training, at
# a small cost in ``NLL_test``. So a fall of ``NLL_oracle`` alone says little. One seed
# and forty steps decide nothing: :doc:`table1` has five seeds, 180 steps, and all
# controls.
#
# Where to go next
# ----------------
# * :doc:`table1`: the paper's comparison, run again.
# * :doc:`reading_report`: intervals and tests over seeds.
# * :doc:`own_reward`: a reward that you write, in place of one that learns.
# * :doc:`/explanations/oracle_likelihood`: why ``NLL_oracle`` misleads.
