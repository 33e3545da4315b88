"""Emotion-Qwen: train."""
