"""Emotion-Qwen: from what people have on disk to conversations that a model is trained on."""
