"""Emotion-Qwen: processing. Media and messages to model inputs, with Facial Emotion Capture."""

from .chat_template import load_chat_template
from .face_capture import FaceCapture
from .facial_emotion_capture import FacialEmotionCapture
from .facial_emotion_capture_settings import FacialEmotionCaptureSettings
from .image_processing_emotion_qwen import EmotionQwenImageProcessor
from .processing_emotion_qwen import EmotionQwenProcessor
from .video_decoding import MediaError
from .video_processing_emotion_qwen import EmotionQwenVideoProcessor

__all__ = [
    "EmotionQwenImageProcessor",
    "EmotionQwenProcessor",
    "EmotionQwenVideoProcessor",
    "FaceCapture",
    "FacialEmotionCapture",
    "FacialEmotionCaptureSettings",
    "MediaError",
    "load_chat_template",
]
