"""Table 4 of the SeqGAN paper: melodies of folk tunes, by BLEU-4 and by the mean squared error of their pitches.

Yu, Zhang, Wang and Yu (2017), section 6: 32 notes a melody. Sizes: "small" with melodies of 20 notes and fewer steps of
generator and discriminator, "cpu" with 32 and the paper's networks and steps of the generator, the discriminator's
share cut as in table1.
"""

from benchmarks.experiments.adversarial_sizes import PAPER_DISCRIMINATOR_32, PAPER_LIKELIHOOD
from benchmarks.experiments.real_texts import RealSize

SMALL = RealSize(
    game="Music",
    texts=8_400,
    length=20,
    mle_epochs=10,
    g_steps=60,
    d_steps=1,
    d_epochs=1,
    d_samples=512,
    d_pretrain_steps=10,
    rollouts=4,
    order=4,
    extra=("pitch_error",),
)
CPU = RealSize(
    game="Music",
    env_kwargs={"max_length": 32},
    texts=5_400,
    length=32,
    mle_epochs=80,
    g_steps=150,
    d_steps=1,
    d_epochs=1,
    d_samples=640,
    d_pretrain_steps=50,
    discriminator=PAPER_DISCRIMINATOR_32,
    likelihood=PAPER_LIKELIHOOD,
    order=4,
    extra=("pitch_error",),
)
EXPERIMENTS = {
    "small": SMALL.experiment("table4-small", "melodies of 20 notes, by BLEU-4 and MSE; 3 seeds on 2 cores"),
    "cpu": CPU.experiment("table4-cpu", "melodies of 32 notes, by BLEU-4 and MSE; the paper's networks"),
}
