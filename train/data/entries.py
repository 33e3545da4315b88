"""What a reader finds: a conversation, or a picture or clip with a label, before a question is put to it.

An entry is a plain dict that JSON can keep. It is one of

- a conversation: `messages`, in which media are paths or addresses;
- a labelled medium: `media` (a path), and `label`, `words` (spoken or written along with it) and `reasons` (the answer
  in full), each of which may be missing, but not both `label` and `reasons`;
- a fault: `fault`, a sentence that says why something in a file is no sample.

Each may have `face_captures`: for each medium a stored `FaceCapture` as a dict, or None.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from emotion_qwen.inference.label_sets import LabelSet
from emotion_qwen.inference.prompts import label_name, label_question, question_about_words, reasoning_question
from emotion_qwen.processing.image_loading import is_still

Entry = dict[str, Any]
Message = dict[str, Any]
Part = dict[str, Any]

MEDIA_KINDS = ("image", "video")
ROLES = ("system", "user", "assistant")
"""Who may speak in a conversation."""


class SampleError(ValueError):
    """Something in a data set is no sample; the message is one sentence for a person."""


def labelled(
    media: str, label: str | None = None, words: str | None = None, reasons: str | None = None, **more: Any
) -> Entry:
    """Make an entry of a labelled medium; what is missing or empty is left out.

    Args:
        media: Path or address.
        label: As the data set writes it.
        words: Spoken or written along with it.
        reasons: The answer in full.
        **more: What else the entry has.
    """
    known = {"label": label, "words": words, "reasons": reasons, **more}
    return {"media": media, **{key: value for key, value in known.items() if value not in (None, "")}}


def fault(message: str) -> Entry:
    """Make an entry of something that is no sample."""
    return {"fault": message}


def entry_messages(entry: Mapping[str, Any], label_set: LabelSet | None, language: str) -> list[Message]:
    """Turn an entry into chat messages.

    Args:
        entry: Of any kind.
        label_set: How labels are read, and what the question lists.
        language: `"en"` or `"zh"`: of the question and of the label's name. Conversations stay as they are.

    Returns:
        Messages whose contents are lists of parts.

    Raises:
        SampleError: If it is a fault, or the label is not one of the set.
    """
    if "fault" in entry:
        raise SampleError(entry["fault"])
    if "messages" in entry:
        return checked_messages(entry["messages"])
    question, answer = _turns(entry, label_set, language)
    if entry.get("words"):
        question = question_about_words(question, entry["words"], language)
    parts = [media_part(entry["media"]), {"type": "text", "text": question}]
    return [
        {"role": "user", "content": parts},
        {"role": "assistant", "content": [{"type": "text", "text": answer}]},
    ]


def entry_label(entry: Mapping[str, Any], label_set: LabelSet | None) -> str | None:
    """Return the label of an entry as its set spells it; None where it has none, or there is no set.

    Args:
        entry: Of any kind.
        label_set: How labels are read.

    Raises:
        SampleError: If the label is not one of the set.
    """
    if label_set is None or "label" not in entry:
        return None
    try:
        return label_set.parse(entry["label"])
    except ValueError as error:
        raise SampleError(f"{entry.get('media', 'A sample')}: {error}") from error


def _turns(entry: Mapping[str, Any], label_set: LabelSet | None, language: str) -> tuple[str, str]:
    if "reasons" in entry:
        return reasoning_question(language), entry["reasons"]
    label = entry_label(entry, label_set)
    if label is None:
        raise SampleError(f"{entry['media']}: there is no label.")
    return label_question(language, label_set.labels, label_set.subject), label_name(label, language)


def media_part(path: str) -> Part:
    """Make the part of a message that shows a picture or a clip, told apart by the suffix."""
    kind = "image" if is_still(path) else "video"
    return {"type": kind, kind: path}


def media_parts(messages: Iterable[Mapping[str, Any]]) -> Iterator[Part]:
    """Yield the parts of messages that are pictures or clips, in their order."""
    for message in messages:
        if isinstance(message["content"], str) or message["content"] is None:
            continue
        for part in message["content"]:
            if part.get("type") in MEDIA_KINDS:
                yield part


def medium_of(part: Mapping[str, Any]) -> Any:
    """Return what a part shows: a path, an address, `{"bytes", "path"}`, or a clip's frames.

    Raises:
        SampleError: If it doesn't say.
    """
    for key in (part["type"], "url", "path"):
        if part.get(key) is not None:
            return part[key]
    raise SampleError(f"A part of the kind {part['type']} does not say which.")


def checked_messages(messages: Sequence[Mapping[str, Any]]) -> list[Message]:
    """Bring messages to one form: contents are lists of parts, and parts have a type and no nulls.

    A table of messages (Arrow) fills up with nulls what a part does not have.

    Raises:
        SampleError: If there is nothing to learn in them.
    """
    tidy = [_tidy_message(message) for message in messages]
    spoken = [message for message in tidy if message["role"] == "assistant"]
    if not any(part.get("text", "").strip() for message in spoken for part in message["content"]):
        raise SampleError("The assistant says nothing in this conversation.")
    return tidy


def _tidy_message(message: Any) -> Message:
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        raise SampleError(f"A message is no object with a role: {message!r:.80}.")
    if message["role"] not in ROLES:
        raise SampleError(f"{message['role']!r} is nobody in a conversation; known are {', '.join(ROLES)}.")
    return {"role": message["role"], "content": _parts(message.get("content"))}


def _parts(content: Any) -> list[Part]:
    if content is None:
        return []
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    if not isinstance(content, Sequence):
        raise SampleError(f"What a message says is neither text nor a list of parts: {content!r:.80}.")
    return [_tidy(part) for part in content]


def _tidy(part: Any) -> Part:
    if not isinstance(part, Mapping):
        raise SampleError(f"A part of a message is no object: {part!r:.80}.")
    tidy = {key: value for key, value in part.items() if value is not None}
    named = next((kind for kind in (*MEDIA_KINDS, "text") if kind in tidy), None)
    tidy = {"type": named, **tidy}
    if tidy["type"] not in (*MEDIA_KINDS, "text"):
        raise SampleError(f"A part of a message is neither text nor a picture nor a clip: {dict(part)!r:.80}.")
    if "text" in tidy:
        _check_text(tidy["text"])
    return tidy


def _check_text(text: Any) -> None:
    try:
        text.encode()
    except AttributeError:
        raise SampleError(f"A text of a message is none: {text!r:.80}.") from None
    except UnicodeEncodeError:
        raise SampleError(f"A text holds half of a character: {text!r:.80}.") from None
