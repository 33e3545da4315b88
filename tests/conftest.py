"""No test reaches the network: transformers and huggingface_hub stay offline."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
