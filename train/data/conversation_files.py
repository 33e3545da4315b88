"""Conversations in JSON: the authors' form (`role`/`content`) and LLaVA's (`from`/`value`)."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .entries import Entry, Message, Part, SampleError, checked_messages, fault
from .text_files import read_json_records

_ROLES = {
    "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant", "system": "system",
}  # fmt: skip
_PLACEHOLDER = re.compile(r"\n?<(image|video)>\n?")


def read_conversations(path: Path, *, media: Path | None = None) -> Iterator[Entry]:
    """Read a JSON list, or one JSON object a line.

    A record has `conversations`, and `image`, `images`, `video` or `videos`: a path or a list of paths. Each `<image>`
    or `<video>` in what the user says stands for the next of them; where there is none at all, they come first.

    Args:
        path: The file.
        media: The folder that paths of media are relative to; the file's own by default.

    Raises:
        ValueError: If the file is neither.
    """
    root = media or path.parent
    for number, record in enumerate(read_json_records(path)):
        try:
            yield _entry(record, root)
        except SampleError as error:
            name = record.get("id", number) if isinstance(record, Mapping) else number
            yield fault(f"Sample {name!r} of '{path}': {error}")


def _entry(record: Any, root: Path) -> Entry:
    if not isinstance(record, Mapping):
        raise SampleError("it is no JSON object.")
    turns = record.get("conversations") or record.get("messages")
    if not isinstance(turns, list) or not turns:
        raise SampleError("it has no `conversations`.")
    waiting = {kind: _media(record, kind, root) for kind in ("image", "video")}
    messages = _placed([_message(turn) for turn in turns], waiting)
    captures = record.get("face_captures")
    return {"messages": checked_messages(messages), **({"face_captures": captures} if captures else {})}


def _message(turn: Any) -> Message:
    if not isinstance(turn, Mapping):
        raise SampleError(f"a turn of its conversation is no JSON object: {turn!r:.80}.")
    role = turn.get("role", turn.get("from"))
    text = turn.get("content", turn.get("value"))
    if not isinstance(role, str) or role not in _ROLES:
        raise SampleError(f"{role!r} is nobody in a conversation; known are {', '.join(_ROLES)}.")
    if not isinstance(text, str):
        raise SampleError(f"what the {_ROLES[role]} says is no text.")
    return {"role": _ROLES[role], "content": text}


def _media(record: Mapping[str, Any], kind: str, root: Path) -> list[str]:
    found = record.get(kind) or record.get(f"{kind}s") or []
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list) or not all(isinstance(path, str) for path in found):
        raise SampleError(f"its `{kind}` is neither a path nor a list of paths.")
    return [path if "://" in path else str(root / path) for path in found]


def _placed(messages: list[Message], waiting: dict[str, list[str]]) -> list[Message]:
    """Put media where the placeholders are, or before the first words of the user."""
    users = [message for message in messages if message["role"] == "user"]
    marks = [kind for message in users for kind in _PLACEHOLDER.findall(message["content"])]
    if not marks and users:
        users[0]["content"] = "".join(f"<{kind}>" for kind in waiting for _ in waiting[kind]) + users[0]["content"]
    else:
        for kind, paths in waiting.items():
            if marks.count(kind) != len(paths):
                raise SampleError(f"there are {marks.count(kind)} <{kind}> for {len(paths)} of them.")
    queues = {kind: iter(paths) for kind, paths in waiting.items()}
    return [
        {**message, "content": _split(message["content"], queues) if message["role"] == "user" else message["content"]}
        for message in messages
    ]


def _split(text: str, queues: Mapping[str, Iterator[str]]) -> list[Part]:
    parts: list[Part] = []
    for number, piece in enumerate(_PLACEHOLDER.split(text)):
        if number % 2:  # what the expression captured
            parts.append({"type": piece, piece: next(queues[piece])})
        elif piece:
            parts.append({"type": "text", "text": piece})
    return parts
