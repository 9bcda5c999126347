"""Claims of the pages of results on what is learned from a metric."""

from __future__ import annotations

from support.claims.claim import Claim, best_learner

CLAIMS: tuple[Claim, ...] = (
    (
        "own_text",
        "takes BLEU from 0.05 to 0.47 and REINFORCE to 0.40",
        lambda of: (of("Random", "return"), of("SB3-PPO", "return"), of("REINFORCE", "return")),
    ),
    (
        "own_text",
        "takes it from 0.69 to 1.00, where the control ends at 0.72",
        lambda of: (of("MLE", "return"), of("MLE+REINFORCE", "return"), of("MLE-longer", "return")),
    ),
    (
        "own_text",
        "an NLL_test 0.68 nats a token above the control's",
        lambda of: (of("MLE+REINFORCE", "nll_test") - of("MLE-longer", "nll_test"),),
    ),
    (
        "metric-transcribe-small",
        "0.586 errors a word of the control against 0.604 of the best of seven rows",
        lambda of: (of("MLE-longer", "greedy_wer"), -best_learner(of, "greedy_return")),
    ),
    (
        "metric-transcribe-small",
        "chrF 0.300 (A2C) and 0.331 (PPO) from 0.376",
        lambda of: tuple(of(agent, "greedy_corpus_chrf") for agent in ("A2C", "PPO", "MLE-stopped")),
    ),
    (
        "metric-transcribe-small",
        "it cost 0.468 nats a token of NLL_test and 0.047 of distinct-2",
        lambda of: (
            of("PPO", "nll_test") - of("MLE-longer", "nll_test"),
            of("MLE-longer", "distinct_2") - of("PPO", "distinct_2"),
        ),
    ),
    (
        "metric-poems-small",
        "0.918 with PPO against 0.531, by 0.386",
        lambda of: (
            of("PPO", "sample_return"),
            of("MLE-longer", "sample_return"),
            of("PPO", "sample_return") - of("MLE-longer", "sample_return"),
        ),
    ),
    (
        "metric-poems-small",
        "PPO's cost a test NLL 1.432 worse and a Self-BLEU-3 0.539 higher",
        lambda of: (
            of("PPO", "nll_test") - of("MLE-longer", "nll_test"),
            of("PPO", "self_bleu_3") - of("MLE-longer", "self_bleu_3"),
        ),
    ),
    (
        "metric-poems-small",
        "of 0.5 gets to 0.864 with nothing learned, at an NLL_test of 7.521",
        lambda of: (0.5, of("MLE-T0.5", "sample_return"), of("MLE-T0.5", "nll_test")),
    ),
    (
        "metric-poems-small",
        "SCST has 0.738 at 6.969 and A2C-MLE 0.777 at 7.019",
        lambda of: tuple(of(agent, each) for agent in ("SCST", "A2C-MLE") for each in ("sample_return", "nll_test")),
    ),
    (
        "metric-captions-small",
        "0.805 with PPO against 0.606, by 0.199",
        lambda of: (
            of("PPO", "sample_return"),
            of("MLE-longer", "sample_return"),
            of("PPO", "sample_return") - of("MLE-longer", "sample_return"),
        ),
    ),
    (
        "metric-captions-small",
        "REINFORCE by 0.101, A2C by 0.085 and RLOO by 0.083",
        lambda of: tuple(
            of(agent, "sample_return") - of("MLE-longer", "sample_return") for agent in ("REINFORCE", "A2C", "RLOO")
        ),
    ),
    (
        "metric-captions-small",
        "PPO comes near (0.805) with less lost in likelihood (2.627 against 2.876)",
        lambda of: (of("PPO", "sample_return"), of("PPO", "nll_test"), of("MLE-T0.5", "nll_test")),
    ),
    (
        "metric-captions-small",
        "(0.624, from 0.536; A2C 0.691) and what it loses in NLL (2.394, from 2.330; 2.541)",
        lambda of: tuple(
            of(agent, each) for each in ("sample_return", "nll_test") for agent in ("A2C-MLE", "MLE-stopped", "A2C")
        ),
    ),
    (
        "scratch",
        "greedy BLEU 0.644 where the first has 0.260",
        lambda of: (of("PPO", "greedy_bleu"), of("REINFORCE", "greedy_bleu")),
    ),
    (
        "scratch",
        "a word error rate of 0.230 (0.636)",
        lambda of: (of("PPO", "greedy_wer"), of("REINFORCE", "greedy_wer")),
    ),
    ("scratch", "the word error rate, to 0.491", lambda of: (of("dense-errors", "greedy_wer"),)),
    ("scratch", "the fourth row falls behind again (0.220)", lambda of: (of("own-reward", "greedy_bleu"),)),
    (
        "metric-numbers-small",
        "0.817 of the control against 0.798 of the best of seven rows",
        lambda of: (
            of("MLE-longer", "greedy_return"),
            best_learner(of, "greedy_return"),
        ),
    ),
    (
        "metric-numbers-small",
        "move greedy BLEU from 0.786 to at most 0.798, and drawn texts from 0.721 to 0.765",
        lambda of: (
            of("MLE-stopped", "greedy_return"),
            best_learner(of, "greedy_return"),
            of("MLE-stopped", "sample_return"),
            best_learner(of, "sample_return"),
        ),
    ),
    (
        "metric-numbers-small",
        "The control gains more in both, 0.817 and 0.805",
        lambda of: (of("MLE-longer", "greedy_return"), of("MLE-longer", "sample_return")),
    ),
    (
        "metric-numbers-small",
        "has the best beam (0.824), the best greedy WER (0.149) and the best NLL_test (0.286)",
        lambda of: tuple(of("ScheduledSampling", each) for each in ("beam_return", "greedy_wer", "nll_test")),
    ),
)
