"""The words printed on the evidence picture, in English and Chinese."""

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "probabilities": "The model's probabilities",
        "gate": "Share of each expert (gate)",
        "emotion": "emotion",
        "general": "general",
        "key_frames": "Key frames",
        "key_frames_and_twins": "Key frames, and their masked copies for the model",
        "timeline": "Emotion in the faces over time",
        "no_face": "No face was found.",
        "capture_off": "Facial Emotion Capture was off.",
        "frames": "{count} frames",
        "no_font": "(No font on this machine can show this text.)",
    },
    "zh": {
        "probabilities": "模型给出的概率",
        "gate": "专家权重",
        "emotion": "情感",
        "general": "通用",
        "key_frames": "关键帧",
        "key_frames_and_twins": "关键帧及提供给模型的遮罩副本",
        "timeline": "面部情绪随时间的变化",
        "no_face": "没有发现人脸。",
        "capture_off": "面部情绪捕捉已关闭。",
        "frames": "{count} 帧",
        "no_font": "(本机没有能显示这段文字的字体。)",
    },
}


def words_for(language: str) -> dict[str, str]:
    """Return the words of a language by name.

    Args:
        language: `"en"` or `"zh"`; any other gives the English words.
    """
    return dict(_WORDS.get(language, _WORDS["en"]))
