"""Table 2 of the SeqGAN paper: Chinese quatrains, by BLEU-2.

Yu, Zhang, Wang and Yu (2017), section 6. Sizes: "small" with a tenth of the reading and fewer steps of generator and
discriminator, "cpu" with the paper's networks and steps of the generator, the discriminator's share cut as in table1.
"""

from benchmarks.experiments.adversarial_sizes import PAPER_DISCRIMINATOR, PAPER_LIKELIHOOD
from benchmarks.experiments.real_texts import RealSize

TEXTS, LENGTH = 12_000, 20

SMALL = RealSize(
    game="Poems",
    texts=TEXTS,
    length=LENGTH,
    mle_epochs=6,
    g_steps=60,
    d_steps=1,
    d_epochs=1,
    d_samples=512,
    d_pretrain_steps=10,
    rollouts=4,
    order=2,
)
CPU = RealSize(
    game="Poems",
    texts=TEXTS,
    length=LENGTH,
    mle_epochs=40,
    g_steps=150,
    d_steps=1,
    d_epochs=1,
    d_samples=640,
    d_pretrain_steps=50,
    discriminator=PAPER_DISCRIMINATOR,
    likelihood=PAPER_LIKELIHOOD,
    order=2,
)
EXPERIMENTS = {
    "small": SMALL.experiment("table2-small", "Chinese quatrains, by BLEU-2; 3 seeds on 2 cores"),
    "cpu": CPU.experiment("table2-cpu", "Chinese quatrains, by BLEU-2; the paper's networks"),
}
