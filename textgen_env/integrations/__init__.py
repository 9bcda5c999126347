"""What other libraries need of an environment of texts beside Gymnasium's interface, each in a module of its own, which
alone imports it.

    from textgen_env.integrations.encoder import TokenEncoder  # an embedding for any PyTorch library
    from textgen_env.integrations.trl import reward_function  # a reward of GRPOTrainer
    from textgen_env.integrations.torchrl import make_torchrl_env  # masks included
"""
