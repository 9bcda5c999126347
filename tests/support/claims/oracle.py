"""Claims of the pages of results on table 1 and what belongs to it."""

from __future__ import annotations

from support.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = (
    (
        "table1-small",
        "3.859 against 3.768, and a test NLL 0.18 worse",
        lambda of: (
            of("SeqGAN", "nll_oracle"),
            of("MLE", "nll_oracle"),
            of("SeqGAN", "nll_test") - of("MLE", "nll_test"),
        ),
    ),
    (
        "table1-small",
        "it comes out below MLE, 3.642, at a test NLL 0.015 worse",
        lambda of: (of("SeqGAN-steady", "nll_oracle"), of("SeqGAN-steady", "nll_test") - of("MLE", "nll_test")),
    ),
    (
        "table1-small",
        "RankGAN with MLE's test NLL (3.126 against 3.129)",
        lambda of: (of("RankGAN", "nll_test"), of("MLE", "nll_test")),
    ),
    (
        "table1-small",
        "has an NLL_oracle of 3.432, far below each of them, with about the same test NLL (3.157)",
        lambda of: (of("MLE-T0.9", "nll_oracle"), of("MLE-T0.9", "nll_test")),
    ),
    (
        "table1-small",
        "KL(agent to oracle) (0.695 against 0.737 and more)",
        lambda of: (
            of("MLE-T0.9", "kl_reverse"),
            min(of(agent, "kl_reverse") for agent in ("MLE", "SeqGAN-steady", "MaliGAN", "RankGAN")),
        ),
    ),
    (
        "table1-small",
        "(0.601 against 0.588 of SeqGAN with log-odds, 0.570 of RankGAN and 0.573 of MLE)",
        lambda of: (
            of("MLE-T0.9", "kl_forward"),
            of("SeqGAN-steady", "kl_forward"),
            of("RankGAN", "kl_forward"),
            of("MLE", "kl_forward"),
        ),
    ),
    (
        "table1-small",
        "its test NLL is 1.5 nats worse, its texts repeat one another (Self-BLEU-3 0.968)",
        lambda of: (of("PG-BLEU", "nll_test") - of("MLE", "nll_test"), of("PG-BLEU", "self_bleu_3")),
    ),
    (
        "table1-small",
        "the entropy falls to 1.9 and 1.4 nats from 3.0",
        lambda of: (of("Constant", "entropy"), of("Noise", "entropy"), of("MLE", "entropy")),
    ),
    (
        "table1-small",
        "noise changes little (3.822), so that the steady SeqGAN's gain of 0.18",
        lambda of: (
            of("Noise-steady", "nll_oracle"),
            of("Noise-steady", "nll_oracle") - of("SeqGAN-steady", "nll_oracle"),
        ),
    ),
    (
        "table1-cpu",
        "Not uniform tokens, which have 11.44, but tokens drawn from the unigram: 10.28.",
        lambda of: (of("Uniform", "nll_oracle"), of("Unigram", "nll_oracle")),
    ),
    (
        "columns-small",
        "two columns end 0.005 higher",
        lambda of: (of("SeqGAN-2columns", "nll_oracle") - of("SeqGAN", "nll_oracle"),),
    ),
    (
        "columns-small",
        "(1, 5, 3) at 3.867 where",
        lambda of: (of("SeqGAN-g1-d5-k3-2columns", "nll_oracle"),),
    ),
    (
        "columns-small",
        "What SeqGAN loses to MLE, 0.090",
        lambda of: (of("SeqGAN", "nll_oracle") - of("MLE", "nll_oracle"),),
    ),
    ("table1-cpu", "that of uniform tokens (8.517)", lambda of: (of("Uniform", "nll_test"),)),
)
