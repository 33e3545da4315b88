"""What every registered reader's samples train: the tokens inside the chat template's generation markers, no other."""

import re
from pathlib import Path

import pytest

from emotion_qwen.train.collator import IGNORED, ConversationCollator
from emotion_qwen.train.data.mixture import build_mixture
from emotion_qwen.train.data.readers import READERS
from emotion_qwen.train.data.source_settings import RENDERED

from .layouts import LAYOUTS

START, END = "\ue000", "\ue001"
RENDERED_TASKS = {
    "stills": {"task": "emotion", "kind": "image"},
    "clips": {"task": "emotion", "kind": "video"},
    "shapes": {"task": "shapes", "kind": "image"},
    "words": {"task": "words", "kind": "image"},
    "moving": {"task": "moving", "kind": "video"},
}


def sources_of(reader: str, folder: Path, faces: Path) -> list[dict]:
    """Sources on small folders of each shape that the reader's data are published in."""
    if reader == RENDERED:
        common = {"reader": RENDERED, "folder": str(faces), "samples": 3, "side": 80}
        return [{**common, **task, "name": name} for name, task in RENDERED_TASKS.items()]
    layouts = [make(folder / name) for name, make in LAYOUTS.items()]
    return [layout.source for layout in layouts if layout.source["reader"] == reader]


def marked(template: str) -> str:
    """A chat template that writes marks of its own where generation starts and ends."""
    starts, ends = r"{%-?\s*generation\s*-?%}", r"{%-?\s*endgeneration\s*-?%}"
    assert len(re.findall(starts, template)) == len(re.findall(ends, template)) == 1
    return re.sub(ends, lambda end: END + end[0], re.sub(starts, lambda start: start[0] + START, template))


@pytest.mark.parametrize("reader", [*READERS, RENDERED])
def test_exactly_what_is_inside_the_markers_is_trained(reader, tmp_path, faces, processor):
    sources = sources_of(reader, tmp_path, faces)
    assert sources, f"Make a layout for the reader {reader}: what its samples train is to be known."
    tokenizer, template = processor.tokenizer, marked(processor.chat_template)
    for source in sources:
        mixture = build_mixture([source], processor, seed=0)
        samples = [mixture[index] for index in range(len(mixture))]
        batch = ConversationCollator(processor)(samples)
        for sample, tokens, labels in zip(samples, batch["input_ids"], batch["labels"], strict=True):
            text = processor.apply_chat_template(sample["messages"], chat_template=template, tokenize=False)
            inside = re.findall(f"{START}(.*?){END}", text, re.DOTALL)
            turns = [message for message in sample["messages"] if message["role"] == "assistant"]
            assert len(inside) == len(turns) > 0
            for spoken, turn in zip(inside, turns, strict=True):
                assert spoken == turn["content"][0]["text"] + "<|im_end|>"
            trained = labels != IGNORED
            wanted = [token for spoken in inside for token in tokenizer.encode(spoken, add_special_tokens=False)]
            assert labels[trained].tolist() == tokens[trained].tolist() == wanted
            starts = trained.int().diff(prepend=trained.new_zeros(1).int()) == 1
            assert int(starts.sum()) == len(inside)
            before = [tokenizer.decode(tokens[:place]) for place in starts.nonzero().flatten().tolist()]
            assert all(said.endswith("<|im_start|>assistant\n") for said in before)
