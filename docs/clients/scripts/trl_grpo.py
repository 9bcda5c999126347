"""GRPO of TRL on the words of an environment, with a small GPT-2 that begins from nothing."""

import tempfile

import gymnasium as gym
from datasets import Dataset
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast, set_seed
from trl import GRPOConfig, GRPOTrainer

import textgen_env
from textgen_env.integrations.trl import reward_function

gym.register_envs(textgen_env)
TEXTS, GROUP, ITERATIONS = 64, 16, 4


def train(id="TextGen-Captions-v1", tokens=50_000, seed=0):
    """(tokens written so far, mean score) of each batch of texts."""
    set_seed(seed)
    env = gym.make(id)
    task = env.unwrapped.task
    # The model's ids are the environment's, with one more that a prompt begins with.
    words = {token: place for place, token in enumerate(task.vocabulary.tokens)}
    cutter = Tokenizer(WordLevel(words | {"<start>": len(words)}, unk_token="<start>"))
    cutter.pre_tokenizer = WhitespaceSplit()
    end = task.vocabulary.tokens[task.vocabulary.eos_id]
    special = {"bos_token": "<start>", "eos_token": end, "pad_token": "<start>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=cutter, **special)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(words) + 1, n_positions=64, n_embd=64, n_layer=2, n_head=2, bos_token_id=len(words),
            eos_token_id=task.vocabulary.eos_id, pad_token_id=len(words), resid_pdrop=0.0, embd_pdrop=0.0,
            attn_pdrop=0.0,
        )
    )  # fmt: skip
    model.generation_config.suppress_tokens = [len(words)]
    curve, written = [], 0
    score = reward_function(env, ids=True)

    def noted(**columns):
        nonlocal written
        scores = score(**columns)
        written += sum(len(ids) for ids in columns["completion_ids"])
        curve.append((written, sum(scores) / len(scores)))
        return scores

    steps = tokens // (TEXTS * task.max_length)
    with tempfile.TemporaryDirectory() as folder:
        trainer = GRPOTrainer(
            model=model,
            processing_class=tokenizer,
            reward_funcs=noted,
            train_dataset=Dataset.from_dict({"prompt": ["<start>"] * (steps * TEXTS)}),
            args=GRPOConfig(
                output_dir=folder, max_steps=steps * ITERATIONS, num_iterations=ITERATIONS,
                per_device_train_batch_size=TEXTS, num_generations=GROUP, max_completion_length=task.max_length,
                learning_rate=0.003, lr_scheduler_type="constant", beta=0.0,
                report_to="none", use_cpu=True, bf16=False, save_strategy="no", logging_strategy="no",
                disable_tqdm=True, gradient_checkpointing=False, seed=seed,
            ),
        )  # fmt: skip
        trainer.train()
    return curve


if __name__ == "__main__":
    print(train()[-1])
