"""Claims of the pages of results on tables 2 to 4."""

from __future__ import annotations

from support.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = (
    (
        "table4-cpu",
        "0.868 as its code has it, 0.908 steadied, 0.902 likelihood",
        lambda of: (of("SeqGAN", "bleu_4"), of("SeqGAN-steady", "bleu_4"), of("MLE", "bleu_4")),
    ),
    (
        "table2-small",
        "0.260 as its code has it, 0.247 steadied, 0.254 likelihood",
        lambda of: (of("SeqGAN", "bleu_2"), of("SeqGAN-steady", "bleu_2"), of("MLE", "bleu_2")),
    ),
    (
        "table3-small",
        "has 0.210 where likelihood has 0.185",
        lambda of: (of("SeqGAN", "bleu_3"), of("MLE", "bleu_3")),
    ),
    (
        "table3-small",
        "it is 0.573 of likelihood where ours is 0.185",
        lambda of: (of("MLE", "nltk_bleu_3"), of("MLE", "bleu_3")),
    ),
    (
        "table4-small",
        "0.904 as its code has it, 0.916 steadied, 0.911 likelihood",
        lambda of: (of("SeqGAN", "bleu_4"), of("SeqGAN-steady", "bleu_4"), of("MLE", "bleu_4")),
    ),
)
