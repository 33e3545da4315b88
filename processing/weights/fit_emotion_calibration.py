"""Fit the embedded classifiers' calibration on rendered faces and put it into `face_networks.safetensors`.

    make nano  # or only its data: outputs/nano/data/closeups and outputs/nano/data/portraits
    python -m emotion_qwen.train.synthetic.group_data_set --output outputs/nano/data/groups --clips 300
        --held-out-clips 0 --first-identity 300000 --seed 11  # all in one line
    python processing/weights/fit_emotion_calibration.py outputs/nano/data/{closeups,portraits,groups} --every 2 1 2

Every second closeup, every portrait and every second frame of the clips are read, and only of people for training: a
third of the faces are those of clips, which rest, or grow and fade, most of the time. Run it after
convert_face_networks.py, which writes the file without a calibration. What it fits and why is told in
../emotion_calibration.py, what comes of it in ../../benchmarks/fec_calibration.md and fec_recall.md.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torchvision.ops import box_iou

from emotion_qwen.processing.embedded_emotion_classifier import EmbeddedEmotionClassifier
from emotion_qwen.processing.embedded_face_detector import EmbeddedFaceDetector
from emotion_qwen.processing.emotion_calibration import EmotionCalibration
from emotion_qwen.processing.emotion_networks import FaceApiExpressionNet, MiniXception
from emotion_qwen.processing.face_capture import EMOTIONS
from emotion_qwen.processing.face_detections import Detections
from emotion_qwen.processing.facial_emotion_capture_settings import FacialEmotionCaptureSettings
from emotion_qwen.processing.image_loading import load_rgb
from emotion_qwen.processing.retinaface import RetinaFace
from emotion_qwen.processing.video_processing_emotion_qwen import EmotionQwenVideoProcessor
from emotion_qwen.train.synthetic.records import Record, read_records

WEIGHTS = Path(__file__).with_name("face_networks.safetensors")
SEEN_FROM = 0.6
"""A face in a clip is read if at least this share of it is visible."""
OVERLAP = 0.2
"""A detected face is that of the person whose box overlaps it by more than this IoU."""


class Recorder(nn.Module):
    """Stands where the calibration does and keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, probabilities: Tensor, features: Tensor, strength: float) -> Tensor:
        """Pass mean probabilities (N, 7) on; keep them with their features (N, 384)."""
        self.seen.append((probabilities, features))
        return probabilities


def read_faces(
    folders: Sequence[Path], split: str, every: Sequence[int], weights: Path = WEIGHTS
) -> tuple[Tensor, Tensor, Tensor]:
    """Read rendered faces with the networks as they are, uncalibrated.

    Args:
        folders: Data sets of stills as `synthetic.data_set` writes them, or of clips as `group_data_set` does.
        split: "train" or "held_out".
        every: For each folder n: only every n-th still, or frame of a clip, is read.
        weights: The networks, with or without a calibration.

    Returns:
        Emotions int64 (N,), mean probabilities float32 (N, 7) and features float32 (N, 384): the surest face of each
        still and all faces of the clips, as far as they are found.
    """
    tensors = {name: tensor.float() for name, tensor in load_file(weights).items()}
    networks = {"detector": RetinaFace(), "mini_xception": MiniXception(), "face_api": FaceApiExpressionNet()}
    for prefix, network in networks.items():
        own = {name.removeprefix(f"{prefix}."): value for name, value in tensors.items() if name.startswith(prefix)}
        network.load_state_dict(own)
        network.requires_grad_(False).eval()
    settings, recorder, labels = FacialEmotionCaptureSettings(), Recorder(), []
    detector = EmbeddedFaceDetector(networks["detector"], settings)
    classifier = EmbeddedEmotionClassifier(networks["mini_xception"], networks["face_api"], recorder, settings)
    for folder, step in zip(folders, every, strict=True):
        records = [r for r in read_records(folder) if (r["split"], r["task"]) == (split, "emotion")]
        stills = [record for record in records if record["kind"] == "image"]
        for record in stills[::step]:
            picture = load_rgb(folder / record["media"])[None]
            faces = detector.detect(picture)
            if len(faces):
                classifier.classify(picture, faces.select(torch.tensor([0])))
                labels.append(record["label"])
        for record in (record for record in records if "people" in record):
            frames, _ = EmotionQwenVideoProcessor().decode(folder / record["media"], do_sample_frames=False)
            faces = detector.detect(frames[::step])
            shown = faces_of_clip(record, faces, step)
            classifier.classify(frames[::step], faces.select(torch.tensor(list(shown), dtype=torch.long)))
            labels += shown.values()
    probabilities, features = (torch.cat(column) for column in zip(*recorder.seen, strict=True))
    return torch.tensor([EMOTIONS.index(label) for label in labels]), probabilities, features


def faces_of_clip(record: Record, faces: Detections, step: int) -> dict[int, str]:
    """Tell what the faces show that were detected in every `step`-th frame of a group's clip.

    Returns:
        For the index of each face whose person is known its emotion, as `shown_emotion` gives it.
    """
    shown = {}
    for index, (number, box) in enumerate(zip(faces.frames.tolist(), faces.boxes, strict=True)):
        frame = number * step
        people = [person for person in record["people"] if person["visible"][frame] >= SEEN_FROM]
        if not people:
            continue
        overlaps = box_iou(box[None], torch.tensor([person["face_boxes"][frame] for person in people]))[0]
        if float(overlaps.max()) > OVERLAP:
            shown[index] = shown_emotion(people[int(overlaps.argmax())]["events"], frame)
    return shown


def shown_emotion(events: Sequence[Record], frame: int) -> str:
    """Name the expression that a person shows at a frame: from halfway up to halfway down, or neutral."""
    for event in events:
        onset, apex, offset = (event[f"{moment}_frame"] for moment in ("onset", "apex", "offset"))
        if (onset + apex) / 2 <= frame <= (apex + offset) / 2:
            return event["label"]
    return "neutral"


def fit(emotions: Tensor, probabilities: Tensor, features: Tensor, decay: float) -> EmotionCalibration:
    """Fit a calibration by its cross-entropy, held near no correction at all.

    Args:
        emotions: int64 (N,).
        probabilities: (N, 7).
        features: (N, 384).
        decay: Factor on the squared distance of the parameters from no correction, features at unit deviation.
    """
    mean, deviation = features.mean(dim=0), features.std(dim=0).clamp_min(1e-6)
    unit = ((features - mean) / deviation).double()
    logits = probabilities.clamp_min(1e-6).log().double()
    scale, weight, bias = (torch.zeros(size, dtype=torch.float64) for size in (1, (len(EMOTIONS), unit.shape[1]), 7))
    parameters = [value.requires_grad_() for value in (scale, weight, bias)]
    optimizer = torch.optim.LBFGS(parameters, max_iter=500, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        corrected = (1 + scale) * logits + unit @ weight.T + bias
        value = nn.functional.cross_entropy(corrected, emotions)
        value = value + decay * sum((parameter**2).sum() for parameter in parameters)
        value.backward()
        return value

    optimizer.step(loss)
    calibration = EmotionCalibration()
    with torch.no_grad():
        calibration.scale.copy_(1 + scale)
        calibration.weight.copy_(weight / deviation)
        calibration.bias.copy_(bias - (weight / deviation) @ mean.double())
    return calibration.requires_grad_(False)


def store(calibration: EmotionCalibration, weights: Path) -> None:
    """Put a calibration into the file of the networks, in half precision as all else there."""
    tensors: dict[str, Any] = {k: v for k, v in load_file(weights).items() if not k.startswith("calibration.")}
    tensors |= {f"calibration.{name}": value.half() for name, value in calibration.state_dict().items()}
    save_file(tensors, weights, metadata={"format": "pt"})


def main() -> None:
    """Fit and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+", help="folders of rendered stills or clips of groups")
    parser.add_argument(
        "--every", type=int, nargs="+", default=[2, 1, 2], help="for each folder n: read every n-th still or frame"
    )
    parser.add_argument("--decay", type=float, default=0.005, help="pull towards no correction")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    emotions, probabilities, features = read_faces(arguments.data, "train", arguments.every, arguments.weights)
    store(fit(emotions, probabilities, features, arguments.decay), arguments.weights)
    print(f"fitted on {len(emotions)} faces: {arguments.weights}", file=sys.stderr)


if __name__ == "__main__":
    main()
