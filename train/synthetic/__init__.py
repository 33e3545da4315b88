"""Synthetic data with exact ground truth: rendered heads for emotion, drawn shapes for general vision-language."""
