"""Every sentence that a result says, in English and Chinese."""

LANGUAGES = ("en", "zh")

_SENTENCES: dict[str, dict[str, str]] = {
    "decode": {"en": "Opening the file …", "zh": "正在打开文件……"},
    "faces": {"en": "Looking for faces …", "zh": "正在寻找人脸……"},
    "waiting": {"en": "Waiting for the model …", "zh": "正在等待模型……"},
    "reading": {"en": "The model is looking …", "zh": "模型正在观看……"},
    "answering": {"en": "The model is answering …", "zh": "模型正在回答……"},
    "done": {"en": "Done in {seconds:.1f} s.", "zh": "完成，用时 {seconds:.1f} 秒。"},
    "no_media": {
        "en": "Add a clip or a picture first, or try an example.",
        "zh": "请先添加视频或图片，也可以试试示例。",
    },
    "no_question": {"en": "Write a question first.", "zh": "请先输入问题。"},
    "long_question": {
        "en": "This question is too long: at most {longest} characters are read.",
        "zh": "问题过长：最多读取 {longest} 个字符。",
    },
    "nothing_read": {"en": "Read a clip or a picture first; then ask about it.", "zh": "请先读取视频或图片，再提问。"},
    "gone": {
        "en": "That file has been deleted, as every upload is after a while. Please add it again.",
        "zh": "该文件已按规定自动删除，请重新上传。",
    },
    "unreadable": {
        "en": "This file can't be read as a clip or a picture: it may be damaged, empty or of another kind.",
        "zh": "无法将此文件作为视频或图片读取：文件可能已损坏、为空或类型不符。",
    },
    "too_long": {
        "en": "This clip is {seconds} s long; this page reads up to {longest} s. Trim it and try again.",
        "zh": "视频长 {seconds} 秒；本页最多读取 {longest} 秒。请剪短后重试。",
    },
    "too_large": {
        "en": "This picture is larger than {most} megapixels. Scale it down and try again.",
        "zh": "图片超过 {most} 百万像素。请缩小后重试。",
    },
    "bad_question": {
        "en": "This question can't be asked: it holds marks that are reserved for the conversation.",
        "zh": "无法提出这个问题：其中含有对话保留的标记。",
    },
    "no_adapter": {"en": "That adapter is not available here.", "zh": "此处没有该适配器。"},
    "no_accelerator": {
        "en": "No accelerator is free for this now, or your share of its time is used up. Try again later.",
        "zh": "当前没有可用的加速器，或您的使用时长已用完。请稍后再试。",
    },
    "busy": {
        "en": "The model is too busy to answer now. Try again later.",
        "zh": "模型现在过于繁忙，无法回答。请稍后再试。",
    },
    "failed": {
        "en": "Something went wrong while reading this one. The page is fine: try again, or try another file.",
        "zh": "读取时出现问题。页面仍可使用：请重试或换一个文件。",
    },
    "no_face": {
        "en": "No face was found, so there is no timeline and no key frame: the model judged the whole scene.",
        "zh": "没有发现人脸，因此没有时间线和关键帧：模型根据整个画面作答。",
    },
    "several_faces": {
        "en": "{count} people were seen, each with a number; the model's answer is about the whole scene.",
        "zh": "发现 {count} 个人，各有编号；模型的回答针对整个画面。",
    },
    "capture_off": {
        "en": "Facial Emotion Capture was off: the model saw the clip alone.",
        "zh": "面部情绪捕捉已关闭：模型只看到了原片段。",
    },
    "verdict": {"en": "Apparent emotion", "zh": "表露出的情绪"},
    "no_face_verdict": {
        "en": "No face was found: the model's guess about the scene",
        "zh": "没有发现人脸：以下是模型对画面的猜测",
    },
    "with_capture": {"en": "With Facial Emotion Capture", "zh": "开启面部情绪捕捉"},
    "without_capture": {"en": "Without Facial Emotion Capture", "zh": "关闭面部情绪捕捉"},
    "probabilities": {"en": "The model's probabilities", "zh": "模型给出的概率"},
    "gate": {"en": "Which expert looked", "zh": "由哪位专家观看"},
    "gate_emotion": {"en": "emotion", "zh": "情感"},
    "gate_general": {"en": "general", "zh": "通用"},
    "gate_help": {
        "en": "How the gate weighs the emotion expert against the general one, on average over all it saw.",
        "zh": "门控网络对情感专家与通用专家的平均权重。",
    },
    "timeline": {"en": "Emotions over time", "zh": "情绪随时间的变化"},
    "timeline_help": {
        "en": "What the face networks read in each person. Choose a point to go there in the clip.",
        "zh": "面部网络对每个人的读数。点击任意一点可跳转到视频的该处。",
    },
    "people_shown": {
        "en": "{shown} of {count} people are shown: those with a key frame first, then those seen the longest. "
        "The JSON has all.",
        "zh": "共 {count} 个人，此处显示 {shown} 个：先是有关键帧的人，再是出现时间最长的人。JSON 中包含所有人。",
    },
    "person": {"en": "Person {number}", "zh": "人物 {number}"},
    "go_to": {"en": "{name}, {start:.1f} to {end:.1f} s: go there", "zh": "{name}，{start:.1f} 至 {end:.1f} 秒：跳转"},
    "key_frames": {"en": "Key frames, and what the model was shown of them", "zh": "关键帧及提供给模型的遮罩副本"},
    "key_frame_alt": {"en": "Key frame {number}: {name}", "zh": "关键帧 {number}：{name}"},
    "masked_alt": {"en": "The same frame, all but the faces faded", "zh": "同一帧，除人脸外均已淡化"},
    "show_at": {"en": "Go to {time:.1f} s", "zh": "跳到 {time:.1f} 秒"},
    "download": {"en": "Download as JSON", "zh": "下载 JSON"},
    "notice": {
        "en": "Made by an emotion-recognition system. Apparent expression is not felt emotion.",
        "zh": "由情绪识别系统生成。外在表情并非内心感受。",
    },
    "answered_by": {"en": "Answered by {model}", "zh": "由 {model} 作答"},
    "answered_with": {"en": "Answered by {model} with adapter {adapter}", "zh": "由 {model} 及适配器 {adapter} 作答"},
}


def say(key: str, language: str, **values: object) -> str:
    """A sentence in a language.

    Args:
        key: Its name.
        language: `"en"` or `"zh"`.
        **values: What its gaps are filled with.
    """
    return _SENTENCES[key][language].format(**values)
