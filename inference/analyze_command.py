"""`emotion-qwen analyze`: read the emotion in a clip or a picture, and say why."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .argument_types import positive
from .label_sets import as_label_set
from .prompts import LANGUAGES, label_name
from .quiet_libraries import silence_libraries

if TYPE_CHECKING:
    from emotion_qwen.processing import EmotionQwenProcessor, FaceCapture

    from .analysis import EmotionAnalysis

_BAR_WIDTH, _NAME_WIDTH = 30, 10
_STAGES = {
    "adapters": "Loading the adapter",
    "decode": "Decoding",
    "faces": "Looking for faces",
    "prepare": "Preparing the frames",
    "see": "Encoding the frames",
    "read": "Reading the emotion",
    "answer": "Answering",
}


def add_analyze(parser: argparse.ArgumentParser) -> None:
    """Describe the command.

    Args:
        parser: Its own parser.
    """
    parser.add_argument("media", metavar="CLIP", help="video, GIF or picture: a path or a URL")
    parser.add_argument("--model", help="checkpoint folder or Hub id (default: Emotion-Qwen-Nano, which is built in)")
    parser.add_argument(
        "--adapter",
        help="adapter: folder, Hub id, a name in the checkpoint, base for none, or auto for the one that the question "
        "calls for (default: auto)",
    )
    parser.add_argument("--adapters", type=Path, metavar="DIR", help="folder of more adapters to choose from by name")
    parser.add_argument("--question", help="what to ask (default: what the face shows, and which emotion it is)")
    parser.add_argument(
        "--labels",
        metavar="WHAT",
        help="emotions to choose from: a label set's name, or words with commas between (default: the adapter's own, "
        "or the seven basic ones)",
    )
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="language of the answer (default: en)")
    parser.add_argument("--max-new-tokens", type=positive, default=256, help="longest answer (default: 256)")
    parser.add_argument("--device", help="such as cpu or cuda:0 (default: the accelerator where there is one)")
    parser.add_argument("--no-fec", action="store_true", help="turn Facial Emotion Capture off")
    parser.add_argument("--faces", type=Path, metavar="DIR", help="take faces that `emotion-qwen faces` stored there")
    parser.add_argument("--json", action="store_true", help="print the whole analysis as JSON, and nothing else")
    parser.add_argument("--save-frames", type=Path, metavar="DIR", help="write a picture of the evidence there")
    parser.add_argument("--landmarks", action="store_true", help="mark eyes, noses and mouth corners in that picture")
    parser.set_defaults(run=_analyze)


def _analyze(options: argparse.Namespace) -> int:
    if options.landmarks and options.save_frames is None:
        raise ValueError("--landmarks marks points in the picture of the evidence: give --save-frames too.")
    labels = None if options.labels is None else as_label_set(options.labels)
    silence_libraries()
    from .progress import Progress

    with Progress(sys.stderr) as progress:
        progress.start("Loading the model")
        from .analyzer import EmotionAnalyzer
        from .evidence_file import check_folder, evidence_path, save_evidence
        from .media import check_file

        check_file(options.media)  # before a large model is loaded in vain
        if options.save_frames is not None:
            check_folder(options.save_frames)
        analyzer = EmotionAnalyzer.from_pretrained(
            options.model, options.adapter, device=options.device, adapters=options.adapters
        )
        progress.start(_STAGES["decode"])
        media = analyzer.load(options.media)
        capture = None
        if not options.no_fec:
            progress.start(_STAGES["faces"])
            capture = _stored_faces(options, analyzer.processor) or analyzer.capture_faces(media)

        def show(text: str) -> None:
            progress.finish()
            print(text, end="", flush=True)

        analysis = analyzer.analyze(
            media,
            options.question,
            options.language,
            facial_emotion_capture=not options.no_fec,
            face_capture=capture,
            labels=labels,
            max_new_tokens=options.max_new_tokens,
            on_text=None if options.json else show,
            on_stage=lambda stage: progress.start(_STAGES[stage]),
        )
    picture = None
    try:
        if options.save_frames is not None:
            name = Path(options.media).name
            masked = analyzer.masked_key_frames(media, capture) if capture is not None else None
            target = evidence_path(options.save_frames, name)
            picture = save_evidence(target, analysis, media, masked, name, capture if options.landmarks else None)
    finally:  # a picture that can't be written takes nothing else along
        print(_as_json(analysis) if options.json else "\n\n" + "\n".join(_summary(analysis)), flush=True)
    if picture is not None and not options.json:
        print(f"\nPicture of the evidence: {picture}")
    return 0


def _stored_faces(options: argparse.Namespace, processor: "EmotionQwenProcessor") -> "FaceCapture | None":
    """Return faces that were captured earlier; None if they have to be captured now."""
    if options.faces is None:
        return None
    from emotion_qwen.processing.precompute import FaceCaptureStore

    return FaceCaptureStore(options.faces, processor).get(options.media)


def _as_json(analysis: "EmotionAnalysis") -> str:
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    return json.dumps(analysis.to_dict(), ensure_ascii=plain, indent=2)


def _summary(analysis: "EmotionAnalysis") -> list[str]:
    names = {label: label_name(label, analysis.language) for label in analysis.probabilities}
    width = max(_NAME_WIDTH, 1 + max(map(len, names.values())))
    lines = [f"{names[analysis.label]}  {analysis.probabilities[analysis.label]:.0%}", ""]
    for label, probability in analysis.probabilities.items():
        bar = "#" * round(probability * _BAR_WIDTH)
        lines.append(f"  {names[label]:{width}}{bar:{_BAR_WIDTH}} {probability:6.1%}")
    if analysis.key_frames:
        lines += ["", "Key frames"]
    for key_frame in analysis.key_frames:
        name = label_name(key_frame.label, analysis.language)
        faces = f"{len(key_frame.boxes)} face{'s' if len(key_frame.boxes) > 1 else ''}"
        lines.append(f"  {key_frame.time:6.2f} s  {name} {key_frame.confidence:.0%}  ({faces})")
    if analysis.timeline and not analysis.key_frames:
        lines += ["", "No face was found."]
    if analysis.gate is not None:
        lines += ["", f"Gate: emotion expert {analysis.gate.emotion:.0%}, general expert {analysis.gate.general:.0%}"]
    return lines
