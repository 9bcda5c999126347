"""Integrations with other libraries: what they need of texts beside Gymnasium's interface. Each module alone
imports its library.

    from textgen_env.integrations.encoder import TokenEncoder  # an embedding for any PyTorch library
    from textgen_env.integrations.minari import record  # texts as a Minari data set
    from textgen_env.integrations.rllib import module_spec  # a network of RLlib's
    from textgen_env.integrations.trl import reward_function  # a reward of GRPOTrainer
"""
