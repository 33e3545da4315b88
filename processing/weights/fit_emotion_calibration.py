"""Fit the embedded classifiers' calibration on rendered stills and put it into `face_networks.safetensors`.

    make nano  # or only its data: outputs/nano/data/closeups and outputs/nano/data/portraits
    python processing/weights/fit_emotion_calibration.py outputs/nano/data/closeups outputs/nano/data/portraits

As many stills of either kind are read, every fourth closeup and every portrait, and only of people for training. Run
it after convert_face_networks.py, which writes the file without a calibration. What it fits and why is told in
../emotion_calibration.py, what comes of it in ../../benchmarks/fec_calibration.md.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from emotion_qwen.processing.embedded_emotion_classifier import EmbeddedEmotionClassifier
from emotion_qwen.processing.embedded_face_detector import EmbeddedFaceDetector
from emotion_qwen.processing.emotion_calibration import EmotionCalibration
from emotion_qwen.processing.emotion_networks import FaceApiExpressionNet, MiniXception
from emotion_qwen.processing.face_capture import EMOTIONS
from emotion_qwen.processing.facial_emotion_capture_settings import FacialEmotionCaptureSettings
from emotion_qwen.processing.image_loading import load_rgb
from emotion_qwen.processing.retinaface import RetinaFace
from emotion_qwen.train.synthetic.data_set import read_records

WEIGHTS = Path(__file__).with_name("face_networks.safetensors")


class Recorder(nn.Module):
    """Stands where the calibration does and keeps what it is given."""

    def __init__(self):
        super().__init__()
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, probabilities: Tensor, features: Tensor, strength: float) -> Tensor:
        """Pass mean probabilities (N, 7) on; keep them with their features (N, 384)."""
        self.seen.append((probabilities, features))
        return probabilities


def read_stills(
    folders: Sequence[Path], split: str, every: Sequence[int], weights: Path = WEIGHTS
) -> tuple[Tensor, Tensor, Tensor]:
    """Read the surest face of rendered stills with the networks as they are, uncalibrated.

    Args:
        folders: Data sets as `synthetic.data_set` writes them.
        split: "train" or "held_out".
        every: For each folder: only each so-manieth still is read.
        weights: The networks, with or without a calibration.

    Returns:
        Emotions int64 (N,), mean probabilities float32 (N, 7) and features float32 (N, 384). Stills in which no face
        is found are left out.
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
        wanted = {"split": split, "kind": "image", "task": "emotion"}
        records = [r for r in read_records(folder) if all(r[key] == value for key, value in wanted.items())]
        for record in records[::step]:
            picture = load_rgb(folder / record["media"])[None]
            faces = detector.detect(picture)
            if len(faces):
                classifier.classify(picture, faces.select(torch.tensor([0])))
                labels.append(EMOTIONS.index(record["label"]))
    probabilities, features = (torch.cat(column) for column in zip(*recorder.seen, strict=True))
    return torch.tensor(labels), probabilities, features


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
    parser.add_argument("data", type=Path, nargs="+", help="folders of rendered stills")
    parser.add_argument("--every", type=int, nargs="+", default=[4, 1], help="each so-manieth still of each folder")
    parser.add_argument("--decay", type=float, default=0.01, help="pull towards no correction")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    emotions, probabilities, features = read_stills(arguments.data, "train", arguments.every, arguments.weights)
    store(fit(emotions, probabilities, features, arguments.decay), arguments.weights)
    print(f"fitted on {len(emotions)} stills: {arguments.weights}", file=sys.stderr)


if __name__ == "__main__":
    main()
