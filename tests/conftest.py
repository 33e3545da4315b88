"""No test reaches the network, and none fights another for the cores."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402 - the Hub's switch is read on import

torch.set_num_threads(1)
