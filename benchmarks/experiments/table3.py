"""Table 3 of the SeqGAN paper: sentences like those of President Obama's speeches, by BLEU-3 and BLEU-4.

Yu, Zhang, Wang and Yu (2017), section 6. Sizes: "small" with sentences of at most 20 tokens, "cpu" with at most 30 and
the paper's networks and steps of the generator, the discriminator's share cut as in table1. Lengths vary: budgets count
12 and 17 tokens a text, which are the means.
"""

from benchmarks.experiments.adversarial_sizes import PAPER_DISCRIMINATOR, PAPER_LIKELIHOOD
from benchmarks.experiments.real_texts import RealSize

SMALL = RealSize(
    game="Speeches",
    env_kwargs={"max_length": 20, "test_size": 2_000},
    texts=4_500,
    length=12,
    mle_epochs=12,
    g_steps=60,
    d_steps=1,
    d_epochs=1,
    d_samples=512,
    d_pretrain_steps=10,
    rollouts=4,
    order=3,
)
CPU = RealSize(
    game="Speeches",
    env_kwargs={"max_length": 30, "test_size": 2_000},
    texts=6_700,
    length=17,
    mle_epochs=80,
    g_steps=150,
    d_steps=1,
    d_epochs=1,
    d_samples=640,
    d_pretrain_steps=50,
    discriminator=PAPER_DISCRIMINATOR,
    likelihood=PAPER_LIKELIHOOD,
    order=3,
)
EXPERIMENTS = {
    "small": SMALL.experiment("table3-small", "sentences of speeches, of at most 20 tokens; 3 seeds on 2 cores"),
    "cpu": CPU.experiment("table3-cpu", "sentences of speeches, of at most 30 tokens; the paper's networks"),
}
