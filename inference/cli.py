"""The `emotion-qwen` command: analyze a clip, capture faces, export a checkpoint, train from a recipe, check data."""

import argparse
import importlib
import json
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from .adapters_command import add_adapters
from .argument_types import positive
from .faces_command import add_faces
from .init_command import add_init
from .prompts import LANGUAGES, label_name

_DEFECT, _BAD_INPUT, _INTERRUPTED = 1, 2, 128 + signal.SIGINT
_TRAINING_MODULE = "emotion_qwen.train.sft"
_DATA_CHECK_MODULE = "emotion_qwen.train.data.check_command"
_BAR_WIDTH = 30
_STAGES = {
    "decode": "Decoding",
    "faces": "Looking for faces",
    "prepare": "Preparing the frames",
    "see": "Encoding the frames",
    "read": "Reading the emotion",
    "answer": "Answering",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Command-line arguments; those of the process by default.

    Returns:
        The exit code: 0; 2 for bad input and 1 for a defect of the program, each with one sentence on the error
        stream; 130 when interrupted.
    """
    options = _parser().parse_args(arguments)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Chinese still gets the rest
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has had enough; keep the interpreter from complaining when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, TypeError, OSError, ImportError, MemoryError, RuntimeError) as error:
        # The project's own errors are among these, and say what to do in one sentence.
        print(f"emotion-qwen: {_one_line(error)}", file=sys.stderr)
        return _BAD_INPUT
    except Exception as error:
        print(f"emotion-qwen: this should not happen, please report it: {error!r}", file=sys.stderr)
        return _DEFECT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="emotion-qwen", description="Read the emotion in a video, and say why.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_analyze(commands.add_parser("analyze", help="read the emotion in a clip or a picture"))
    add_faces(commands.add_parser("faces", help="capture the faces of many clips, once and for all"))
    _add_export(commands.add_parser("export", help="write a checkpoint as a folder for the Hub"))
    add_init(commands.add_parser("init", help="make a checkpoint to train from, of Qwen2.5-VL"))
    add_adapters(commands.add_parser("adapters", help="list, merge, export and push adapters"))
    _add_train(commands.add_parser("train", help="train from a recipe"))
    _add_data(commands.add_parser("data", help="check the data of a recipe"))
    return parser


def _add_analyze(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("media", metavar="CLIP", help="video, GIF or picture: a path or a URL")
    parser.add_argument("--model", help="checkpoint folder or Hub id (default: Emotion-Qwen-Nano, which is built in)")
    parser.add_argument("--adapter", help="adapter: folder, Hub id, a name in the checkpoint, or auto")
    parser.add_argument("--question", help="what to ask (default: what the face shows, and which emotion it is)")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="language of the answer (default: en)")
    parser.add_argument("--max-new-tokens", type=positive, default=256, help="longest answer (default: 256)")
    parser.add_argument("--device", help="such as cpu or cuda:0 (default: the accelerator where there is one)")
    parser.add_argument("--no-fec", action="store_true", help="turn Facial Emotion Capture off")
    parser.add_argument("--faces", type=Path, metavar="DIR", help="take faces that `emotion-qwen faces` stored there")
    parser.add_argument("--json", action="store_true", help="print the whole analysis as JSON, and nothing else")
    parser.add_argument("--save-frames", type=Path, metavar="DIR", help="write a picture of the evidence there")
    parser.add_argument("--landmarks", action="store_true", help="mark eyes, noses and mouth corners in that picture")
    parser.set_defaults(run=_analyze)


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder to write; it must not exist, or be empty")
    parser.add_argument("--model", help="checkpoint folder or Hub id (default: Emotion-Qwen-Nano)")
    parser.add_argument("--adapter", help="PEFT adapter folder or Hub id to merge in")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier export there")
    parser.set_defaults(run=_export)


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="YAML recipe")
    parser.add_argument("settings", nargs=argparse.REMAINDER, help="--name value pairs that override the recipe")
    parser.set_defaults(run=_train)


def _add_data(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="count samples, modalities, tokens and labels, and name what is broken")
    check.add_argument("data", metavar="CONFIG_OR_PATH", help="a recipe, or a file or folder of data")
    check.add_argument("--reader", help="how to read the path (default: by what lies there)")
    check.add_argument("--model", help="checkpoint whose processor counts the tokens (default: the recipe's, or Nano)")
    check.add_argument(
        "--samples", type=positive, default=32, help="samples of each source to decode and tokenize (default: 32)"
    )
    check.add_argument("--no-fec", action="store_true", help="count without Facial Emotion Capture")
    check.add_argument("--json", action="store_true", help="print everything as JSON, and nothing else")
    check.set_defaults(run=_check_data)


def _analyze(options: argparse.Namespace) -> int:
    if options.landmarks and options.save_frames is None:
        raise ValueError("--landmarks marks points in the picture of the evidence: give --save-frames too.")
    _silence_libraries()
    from .progress import Progress

    with Progress(sys.stderr) as progress:
        progress.start("Loading the model")
        from .analyzer import EmotionAnalyzer
        from .evidence_file import save_evidence
        from .media import check_file

        check_file(options.media)  # before a large model is loaded in vain
        analyzer = EmotionAnalyzer.from_pretrained(options.model, options.adapter, device=options.device)
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
            max_new_tokens=options.max_new_tokens,
            on_text=None if options.json else show,
            on_stage=lambda stage: progress.start(_STAGES[stage]),
        )
        progress.finish()
        if not options.json:
            print("\n")
        picture = None
        if options.save_frames is not None:
            name = Path(options.media).name
            target = options.save_frames / f"{Path(name).stem}-evidence.png"
            masked = analyzer.masked_key_frames(media, capture) if capture is not None else None
            picture = save_evidence(target, analysis, media, masked, name, capture if options.landmarks else None)
    if options.json:
        plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
        print(json.dumps(analysis.to_dict(), ensure_ascii=plain, indent=2))
        return 0
    print("\n".join(_summary(analysis)))
    if picture is not None:
        print(f"\nPicture of the evidence: {picture}")
    return 0


def _stored_faces(options: argparse.Namespace, processor):
    """Faces captured earlier, or None: capture them now."""
    if options.faces is None:
        return None
    from emotion_qwen.processing.precompute import FaceCaptureStore

    return FaceCaptureStore(options.faces, processor).get(options.media)


def _summary(analysis) -> list[str]:
    names = {label: label_name(label, analysis.language) for label in analysis.probabilities}
    lines = [f"{names[analysis.label]}  {analysis.probabilities[analysis.label]:.0%}", ""]
    for label, probability in analysis.probabilities.items():
        lines.append(f"  {names[label]:10}{'#' * round(probability * _BAR_WIDTH):{_BAR_WIDTH}} {probability:6.1%}")
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


def _export(options: argparse.Namespace) -> int:
    _silence_libraries()
    from .progress import Progress

    with Progress(sys.stderr) as progress:
        progress.start("Loading the model")
        from emotion_qwen import export_to_hub

        from .adapter_loading import merge_adapter
        from .checkpoint import load_checkpoint, shipped_checkpoint

        source = options.model if options.model is not None else shipped_checkpoint()
        model, processor = load_checkpoint(source, device="cpu", dtype="auto")
        if options.adapter is not None:
            model = merge_adapter(model, options.adapter)
        progress.start("Writing the folder")
        folder = export_to_hub(model, processor, options.folder, overwrite=options.overwrite)
    print(folder)
    return 0


def _train(options: argparse.Namespace) -> int:
    if not Path(options.recipe).is_file():
        raise ValueError(f"There is no recipe {options.recipe!r}.")
    training = _training_module(_TRAINING_MODULE)
    sys.argv = [f"{sys.argv[0]} train", "--config", options.recipe, *options.settings]
    training.main()
    return 0


def _check_data(options: argparse.Namespace) -> int:
    _silence_libraries()
    return _training_module(_DATA_CHECK_MODULE).run(options)


def _training_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"Training needs more packages (pip install 'emotion-qwen[train]'): {error}.") from error


def _silence_libraries() -> None:
    """Keep transformers' and the hub's bars and warnings off the terminal: what matters is raised or returned."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    warnings.simplefilter("ignore")
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
