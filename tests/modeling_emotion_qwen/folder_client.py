"""What a stranger does with an exported folder, in a process where the package does not exist and nothing is online.

Run as `python folder_client.py FOLDER MEDIA RESULTS`: FOLDER is the export, MEDIA holds portrait.png, clip.mp4,
frames/ and inputs.pt; what each function below returns, or its traceback, goes to the JSON file RESULTS.
"""

import contextlib
import io
import json
import os
import re
import shutil
import socket
import sys
import traceback
from importlib.abc import MetaPathFinder
from pathlib import Path


class NoPackage(MetaPathFinder):
    """Hides `emotion_qwen`, however it is installed."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] == "emotion_qwen":
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


def no_network(*_args, **_kwargs):
    raise AssertionError("a connection was attempted")


sys.meta_path.insert(0, NoPackage())
socket.socket.connect = no_network

import torch  # noqa: E402
import transformers  # noqa: E402
from transformers import AutoModel, AutoProcessor  # noqa: E402

FOLDER, MEDIA, RESULTS = sys.argv[1:]
QUESTION = "Which emotion does the person show?"


def auto_classes() -> dict[str, str]:
    names = [
        *("AutoConfig", "AutoModel", "AutoModelForImageTextToText", "AutoModelForMultimodalLM"),
        *("AutoProcessor", "AutoImageProcessor", "AutoVideoProcessor", "AutoTokenizer"),
    ]
    return {
        name: type(getattr(transformers, name).from_pretrained(FOLDER, trust_remote_code=True)).__name__
        for name in names
    }


def loading_info() -> dict[str, list[str]]:
    _, info = AutoModel.from_pretrained(FOLDER, trust_remote_code=True, output_loading_info=True)
    return {key: sorted(map(str, info[key])) for key in ("missing_keys", "unexpected_keys", "mismatched_keys")}


def logits_differ_by() -> float:
    model = AutoModel.from_pretrained(FOLDER, trust_remote_code=True)
    stored = torch.load(Path(MEDIA) / "inputs.pt")
    with torch.no_grad():
        return (model(**stored["inputs"]).logits - stored["logits"]).abs().max().item()


def answer_on_clip() -> dict[str, object]:
    """The one-line load, a clip by path, and generation, with Facial Emotion Capture on and off."""
    model = AutoModel.from_pretrained(FOLDER, trust_remote_code=True)
    processor = AutoProcessor.from_pretrained(FOLDER, trust_remote_code=True)
    content = [{"type": "video", "path": str(Path(MEDIA) / "clip.mp4")}, {"type": "text", "text": QUESTION}]
    tokens = {}
    for capture in (True, False):
        inputs = processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"videos_kwargs": {"facial_emotion_capture": capture}},
        )
        answer = model.generate(**inputs, max_new_tokens=5, do_sample=False)
        tokens[capture] = inputs["video_grid_thw"][0].tolist(), answer.shape[1] - inputs["input_ids"].shape[1]
    return {"with_capture": tokens[True], "without_capture": tokens[False]}


def answer_from_hub_cache() -> dict[str, object]:
    """The folder as a repository of the Hub, downloaded earlier: by name, from the cache."""
    from huggingface_hub.constants import HF_HUB_CACHE

    repository, commit = Path(HF_HUB_CACHE) / "models--tester--emotion-qwen", "0" * 40
    shutil.copytree(FOLDER, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit, encoding="utf-8")
    model = AutoModel.from_pretrained("tester/emotion-qwen", trust_remote_code=True)
    processor = AutoProcessor.from_pretrained("tester/emotion-qwen", trust_remote_code=True)
    inputs = processor(
        text=[f"<|vision_start|>{processor.video_token}<|vision_end|>{QUESTION}"],
        videos=[str(Path(MEDIA) / "clip.mp4")],
        return_tensors="pt",
    )
    answer = model.generate(**inputs, max_new_tokens=5, do_sample=False)
    return {"grid": inputs["video_grid_thw"][0].tolist(), "tokens": answer.shape[1] - inputs["input_ids"].shape[1]}


def authors_client(content: list[dict]) -> str:
    """The calls of the authors' own script, in its order; the folder and the media are all that is ours."""
    from qwen_vl_utils import process_vision_info

    model = AutoModel.from_pretrained(FOLDER, torch_dtype=torch.float32, device_map="auto", trust_remote_code=True)
    processor = AutoProcessor.from_pretrained(FOLDER, trust_remote_code=True)
    messages = [{"role": "user", "content": [*content, {"type": "text", "text": QUESTION}]}]
    text = processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    image_inputs, video_inputs = process_vision_info(messages)
    inputs = processor(text=[text], images=image_inputs, videos=video_inputs, padding=True, return_tensors="pt")
    inputs = inputs.to(model.device)
    generated_ids = model.generate(**inputs, max_new_tokens=5)
    generated_ids_trimmed = [
        out_ids[len(in_ids) :] for in_ids, out_ids in zip(inputs.input_ids, generated_ids, strict=True)
    ]
    output_text = processor.batch_decode(
        generated_ids_trimmed, skip_special_tokens=False, clean_up_tokenization_spaces=False
    )
    return output_text[0]


def authors_client_image() -> str:
    return authors_client([{"type": "image", "image": str(Path(MEDIA) / "portrait.png")}])


def authors_client_video_frames() -> str:
    frames = sorted(map(str, (Path(MEDIA) / "frames").iterdir()))
    return authors_client([{"type": "video", "video": frames}])


def authors_client_video_file() -> str:
    return authors_client([{"type": "video", "video": str(Path(MEDIA) / "clip.mp4"), "fps": 3.0}])


def answers_of_pipelines() -> dict[str, int]:
    """transformers' pipelines for models that read media, by the folder's name alone: the tokens of their answers."""
    tokens = {}
    for task, kind, name in (("image-text-to-text", "image", "portrait.png"), ("any-to-any", "video", "clip.mp4")):
        pipe = transformers.pipeline(task, model=FOLDER, trust_remote_code=True)
        content = [{"type": kind, kind: str(Path(MEDIA) / name)}, {"type": "text", "text": QUESTION}]
        messages = [{"role": "user", "content": content}]
        generate_kwargs = {"max_new_tokens": 5, "min_new_tokens": 5}
        answers = pipe(text=messages, return_tensors=True, generate_kwargs=generate_kwargs)
        prompt = pipe.processor.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )["input_ids"]
        tokens[task] = len(answers[0]["generated_token_ids"]) - prompt.shape[1]
    return tokens


def analysis_of_clip() -> dict[str, object]:
    """The analyzer whose code lies in the folder, on what the Auto classes give."""
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    analyzer_class = get_class_from_dynamic_module("analyzer.EmotionAnalyzer", FOLDER)
    model = AutoModel.from_pretrained(FOLDER, trust_remote_code=True)
    analyzer = analyzer_class(model, AutoProcessor.from_pretrained(FOLDER, trust_remote_code=True))
    return analyzer.analyze(Path(MEDIA) / "clip.mp4", max_new_tokens=5).to_dict()


def adapters_of_the_folder() -> dict[str, object]:
    """The analyzer whose code lies in the folder, with the adapters that lie there too; PEFT alone, on one of them."""
    from peft import PeftModel
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    own_adapters = get_class_from_dynamic_module("adapter_files.own_adapters", FOLDER)
    processor = AutoProcessor.from_pretrained(FOLDER, trust_remote_code=True)
    analyzer_class = get_class_from_dynamic_module("analyzer.EmotionAnalyzer", FOLDER)
    analyzer = analyzer_class(AutoModel.from_pretrained(FOLDER, trust_remote_code=True), processor)
    for name, folder in own_adapters(FOLDER).items():
        analyzer.adapters.add(folder, name)
    clip = analyzer.load(Path(MEDIA) / "clip.mp4")
    read = {
        name: analyzer.analyze(clip, labels=("calm", "tense"), adapter=name, max_new_tokens=3)
        for name in ("clips", "auto", "base")
    }
    model = AutoModel.from_pretrained(FOLDER, trust_remote_code=True)
    inputs = torch.load(Path(MEDIA) / "inputs.pt")["inputs"]
    adapted = PeftModel.from_pretrained(model, FOLDER, subfolder="adapters/clips").eval()
    with torch.no_grad(), analyzer.adapters.using("clips"):
        by_peft = torch.equal(adapted(**inputs).logits, analyzer.model(**inputs).logits)
    return {
        "names": analyzer.adapters.names,
        "chosen": {name: analysis.adapter for name, analysis in read.items()},
        "labels": {name: analysis.probabilities for name, analysis in read.items()},
        "by_peft": by_peft,
        "from_the_hub": list(own_adapters("tester/emotion-qwen")),
    }


def examples_of_the_card() -> list[str]:
    """What each piece of code prints that the folder's card tells a reader to run, one after the other."""
    os.chdir(FOLDER)
    card = Path("README.md").read_text(encoding="utf-8").replace("clip.mp4", str(Path(MEDIA) / "clip.mp4"))
    names, printed = {}, []
    for code in re.findall(r"```python\n(.*?)```", card, re.DOTALL):
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(code, names)
        printed.append(output.getvalue())
    return printed


def saved_again() -> list[int]:
    """Saves what was loaded, as a trainer does, moves the original out of reach, and shows the copy the clip."""
    copy = Path(RESULTS).parent / "saved_again"
    AutoModel.from_pretrained(FOLDER, trust_remote_code=True).save_pretrained(copy)
    AutoProcessor.from_pretrained(FOLDER, trust_remote_code=True).save_pretrained(copy)
    AutoModel.from_pretrained(copy, trust_remote_code=True)
    processor = AutoProcessor.from_pretrained(copy, trust_remote_code=True)
    away = Path(FOLDER).rename(Path(FOLDER).with_name("away"))
    try:
        return processor.video_processor(str(Path(MEDIA) / "clip.mp4"))["video_grid_thw"].tolist()[0]
    finally:
        away.rename(FOLDER)


def modules_of_the_package() -> list[str]:
    """Modules of the folder's code that were not read from its copy in the cache; runs last."""
    cache = Path(transformers.utils.HF_MODULES_CACHE)
    exported = {file.name: file.read_bytes() for file in Path(FOLDER).glob("*.py")}
    files = [Path(file) for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))]
    ours = [file for file in files if file.name in exported and file.read_bytes() == exported[file.name]]
    assert len(ours) >= len(exported) / 2, sorted(map(str, ours))
    return [str(file) for file in ours if cache not in file.parents]


CHECKS = (
    auto_classes,
    loading_info,
    logits_differ_by,
    answer_on_clip,
    answer_from_hub_cache,
    authors_client_image,
    authors_client_video_frames,
    authors_client_video_file,
    answers_of_pipelines,
    analysis_of_clip,
    adapters_of_the_folder,
    examples_of_the_card,
    saved_again,
    modules_of_the_package,
)


def main() -> None:
    results = {}
    for check in CHECKS:
        try:
            results[check.__name__] = {"value": check()}
        except Exception:
            results[check.__name__] = {"error": traceback.format_exc()}
    Path(RESULTS).write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main()
