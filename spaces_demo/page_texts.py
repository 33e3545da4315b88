"""What the page says of itself, in English and Chinese: the visitor's browser says which."""

import gradio as gr

from settings import Settings

_TEXTS: dict[str, dict[str, str]] = {
    "claim": {
        "en": "Drop in a clip: see which emotion a face shows, when, and why the model says so.",
        "zh": "放入一段视频：看看人脸表露出哪种情绪、在何时，以及模型为何这样判断。",
    },
    "in_use": {
        "en": "An emotion-recognition system is in use on this page.",
        "zh": "本页正在使用情绪识别系统。",
    },
    "notice": {
        "en": "It reads <em>apparent</em> expression, which is not felt emotion. Not for use at work or in education. "
        "Show only people who agreed.",
        "zh": "它读取的是<em>外在</em>表情，并非内心感受。不得用于工作或教育场所。仅可展示已同意的人。",
    },
    "terms": {"en": "Privacy and terms", "zh": "隐私与条款"},
    "empty": {
        "en": "The verdict appears here: the emotion and its probabilities, which expert looked, and the model's "
        "reasons. Below follow the frames that it was shown.",
        "zh": "结果将显示在这里：情绪及其概率、由哪位专家观看，以及模型的理由。下方是提供给模型的帧。",
    },
    "clip": {"en": "Clip", "zh": "视频"},
    "clip_limits": {
        "en": "Clip, up to {seconds} s and {megabytes} MB",
        "zh": "视频，最长 {seconds} 秒，最大 {megabytes} MB",
    },
    "picture": {"en": "Picture", "zh": "图片"},
    "example_clip": {"en": "Try the example clip", "zh": "试试示例视频"},
    "example_picture": {"en": "Try the example picture", "zh": "试试示例图片"},
    "language": {"en": "Language of the answer", "zh": "回答的语言"},
    "capture": {"en": "Facial Emotion Capture", "zh": "面部情绪捕捉"},
    "on": {"en": "On", "zh": "开启"},
    "off": {"en": "Off", "zh": "关闭"},
    "both": {"en": "Side by side", "zh": "并排比较"},
    "more": {"en": "More", "zh": "更多"},
    "question": {"en": "Question", "zh": "问题"},
    "usual_question": {
        "en": "Left empty: what does the face show, and which emotion is it?",
        "zh": "留空即为：面部有什么表情变化？这是什么情绪？",
    },
    "adapter": {"en": "Adapter", "zh": "适配器"},
    "no_adapter": {"en": "None: the model itself", "zh": "无：模型本身"},
    "automatic": {"en": "Automatic: what the question calls for", "zh": "自动：由问题决定"},
    "read": {"en": "Read the emotion", "zh": "读取情绪"},
    "answer": {"en": "Answer", "zh": "回答"},
    "further": {
        "en": "Ask further about the same clip. emotion-qwen-nano knows only simple questions such as this one; other "
        "checkpoints answer freely.",
        "zh": "就同一内容继续提问。emotion-qwen-nano 只会回答这类简单问题；其他模型可自由作答。",
    },
    "further_example": {"en": "How many people are there?", "zh": "图中有几个人?"},  # as the small model was asked
    "ask": {"en": "Ask", "zh": "提问"},
    "recognition": {
        "en": "<strong>Emotion recognition.</strong> People whose faces are shown to this page are subject to an "
        "emotion-recognition system and must be told so (EU AI Act, Art. 50(3)).",
        "zh": "<strong>情绪识别。</strong>面部出现在本页的人受情绪识别系统处理，"
        "必须予以告知（欧盟《人工智能法》第 50(3) 条）。",
    },
    "prohibited": {
        "en": "<strong>Prohibited.</strong> Inferring emotions of people at work or in education (Art. 5(1)(f)); "
        "covert use; deciding anything about a person.",
        "zh": "<strong>禁止。</strong>推断工作或教育场所中人员的情绪（第 5(1)(f) 条）；"
        "隐蔽使用；据此对任何人作出决定。",
    },
    "apparent": {
        "en": "<strong>Apparent, not felt.</strong> A face can show what nobody feels and hide what somebody does. "
        "Faces unlike those it learned from are read worse.",
        "zh": "<strong>是表露，不是感受。</strong>面部可能显示并不存在的感受，也可能掩饰真实的感受。"
        "与训练所用不同的面孔读取得更差。",
    },
    "files": {
        "en": "<strong>Your files.</strong> They are read on this server and deleted within {minutes} minutes. "
        "Nothing is logged but how many requests there were and how they ended. Nothing is used for training.",
        "zh": "<strong>您的文件。</strong>文件在本服务器上读取，并在 {minutes} 分钟内删除。"
        "除请求的数量和成败外不做任何记录，也不用于训练。",
    },
    "consent": {
        "en": "<strong>Consent.</strong> Upload only what you may, and only people who agreed.",
        "zh": "<strong>同意。</strong>只上传您有权上传的内容，且画面中的人均已同意。",
    },
    "examples": {
        "en": "The example clip shows a rendered person; the example picture is a NASA portrait, public domain.",
        "zh": "示例视频中是渲染的人物；示例图片是 NASA 肖像，属公有领域。",
    },
    "common.complete": {"en": "Done", "zh": "完成"},  # read aloud by Gradio, whose own translations lack it
}


_BLOCKS = {
    "head": """
<header class="eq-intro"><h1>Emotion-Qwen</h1><p>{claim}</p></header>
<div class="eq-notice" role="note"><strong>{in_use}</strong> {notice} <a href="#eq-terms">{terms}</a></div>
""",
    "nothing_yet": """
<div class="eq-empty"><p>{empty}</p></div>
""",
    "foot": """
<section id="eq-terms" class="eq-terms" tabindex="-1"><h2>{terms}</h2><ul>
<li>{recognition}</li><li>{prohibited}</li><li>{apparent}</li><li>{files}</li><li>{consent}</li></ul></section>
<p class="eq-foot">{examples}</p>
""",
}
"""What is more than a line; Gradio translates a component's value as a whole."""


def page_texts(settings: Settings) -> gr.I18n:
    """Every text of the page by its key, with the limits filled in.

    Args:
        settings: Where the limits are from.

    Returns:
        What turns a key into a text that the browser chooses; `launch` takes it too.
    """
    return gr.I18n(**{"en": _in_language("en", settings), "zh-CN": _in_language("zh", settings)})


def _in_language(language: str, settings: Settings) -> dict[str, str]:
    limits = {
        "seconds": round(settings.max_clip_seconds),
        "megabytes": settings.max_file_megabytes,
        "minutes": max(1, round((settings.retention_seconds + settings.sweep_seconds) / 60)),
    }
    texts = {key: sentences[language].format(**limits) for key, sentences in _TEXTS.items()}
    return texts | {key: block.format(**texts) for key, block in _BLOCKS.items()}
