"""Measure how far the embedded backend's probabilities can be taken at their word; draws fec_calibration.png.

    python benchmarks/fec_calibration.py outputs/nano/data/{closeups,portraits,groups}

The data are those of fit_emotion_calibration.py, which says how to make them. Prints the tables of fec_calibration.md:
ways to calibrate, each fitted on rendered people for training and measured on stills of rendered people who were held
out, the calibration that ships, and what it does to the real faces that scikit-image carries. Reading takes about
20 ms a still. The picture needs matplotlib, the real faces need scikit-image.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from emotion_qwen.processing import FacialEmotionCapture
from emotion_qwen.processing.face_backends import default_weights_path, embedded_backend, load_face_networks
from emotion_qwen.processing.face_capture import EMOTIONS
from emotion_qwen.processing.face_detections import Detections

sys.path.insert(0, str(Path(__file__).parents[1] / "processing" / "weights"))
from fit_emotion_calibration import fit, read_faces  # noqa: E402

PICTURE = Path(__file__).with_suffix(".png")
BINS = 15
Opinions = tuple[Tensor, Tensor, Tensor]
"""Emotions (N,), mean probabilities (N, 7), features (N, 384)."""
Reader = Callable[[Tensor, Tensor], Tensor]
"""From mean probabilities and features to probabilities."""


def reliability(probabilities: Tensor, emotions: Tensor) -> list[tuple[float, float, int]]:
    """Sort faces into bins of confidence: mean confidence, share right and number of faces of each filled bin."""
    confidence, named = probabilities.max(dim=1)
    right = (named == emotions).float()
    bins = (confidence * BINS).long().clamp(max=BINS - 1)
    rows = [(confidence[bins == number], right[bins == number]) for number in range(BINS)]
    return [(float(sure.mean()), float(hit.mean()), len(hit)) for sure, hit in rows if len(hit)]


def expected_calibration_error(probabilities: Tensor, emotions: Tensor) -> float:
    """Mean distance of confidence from the share right over bins, weighted by their faces (Naeini et al., 2015)."""
    return sum(abs(sure - hit) * count for sure, hit, count in reliability(probabilities, emotions)) / len(emotions)


def fit_temperature(train: Opinions, with_bias: bool) -> Reader:
    """Fit softmax(log p · s + b), with b fixed at zero or free, by cross-entropy."""
    emotions, probabilities, _ = train
    scale, bias = torch.ones(1, requires_grad=True), torch.zeros(len(EMOTIONS), requires_grad=with_bias)
    optimizer = torch.optim.LBFGS([scale, bias] if with_bias else [scale], max_iter=200, line_search_fn="strong_wolfe")

    def read(mean: Tensor, features: Tensor) -> Tensor:
        return (mean.clamp_min(1e-6).log() * scale + bias).softmax(dim=1).detach()

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(probabilities.clamp_min(1e-6).log() * scale + bias, emotions)
        value.backward()
        return value

    optimizer.step(loss)
    return read


def print_row(name: str, read: Reader, held_out: Opinions) -> None:
    """Print accuracy, negative log-likelihood and expected calibration error on people who were held out."""
    emotions, mean, features = held_out
    probabilities = read(mean, features)
    right = float((probabilities.argmax(dim=1) == emotions).float().mean())
    surprise = float(F.nll_loss(probabilities.clamp_min(1e-9).log(), emotions))
    error = expected_calibration_error(probabilities, emotions)
    print(f"| {name} | {right:.3f} | {surprise:.2f} | {error:.3f} |")


def print_real_faces(shipped: FacialEmotionCapture, plain: FacialEmotionCapture) -> None:
    """Print what both say about the public-domain portrait in many sizes and lights (it smiles)."""
    import skimage.data

    portrait = torch.from_numpy(skimage.data.astronaut().copy()).permute(2, 0, 1)[None].float()
    views = []
    for size in (512, 256, 160, 112):
        small = F.interpolate(portrait, size=(size, size), mode="bilinear", antialias=True) / 255
        for view in (small, small.flip(-1)):
            for gamma in (0.7, 1.0, 1.4):
                lit = view**gamma
                views += [lit, lit.mean(dim=1, keepdim=True).expand_as(lit)]
    print("\n| portrait, 48 views | found | happy first | P(happy) mean | least |\n|---|---|---|---|---|")
    for name, fec in (("plain mean", plain), ("calibrated", shipped)):
        captures = [fec.capture((view * 255).round().to(torch.uint8)) for view in views]
        rows = [capture.faces[0][0].probabilities for capture in captures if capture.has_faces]
        happy = [row[EMOTIONS.index("happy")] for row in rows]
        first = sum(max(row) == value for row, value in zip(rows, happy, strict=True))
        print(f"| {name} | {len(rows)} | {first} | {sum(happy) / len(happy):.3f} | {min(happy):.3f} |")


def print_thumbnails(shipped: FacialEmotionCapture, plain: FacialEmotionCapture) -> None:
    """Print how often both name the same on 100 real faces of 25×25 gray pixels, which nobody has labelled."""
    import skimage.data

    small = torch.from_numpy(skimage.data.lfw_subset()[:100])[:, None].float()
    faces = F.interpolate(small * 255, size=(112, 112), mode="bicubic").clamp(0, 255).round().to(torch.uint8)
    count = len(faces)
    places = Detections(
        torch.arange(count), torch.tensor([[0.0, 0, 112, 112]] * count), torch.ones(count), torch.zeros(count, 5, 2)
    )
    with torch.inference_mode():
        before, after = (
            embedded_backend(fec.settings, None, faces.device).classifier.classify(faces.expand(-1, 3, -1, -1), places)
            for fec in (plain, shipped)
        )
    same = before.argmax(dim=1) == after.argmax(dim=1)
    sure = before.max(dim=1).values > 0.7
    print(f"\n{count} real thumbnails: both name the same in {int(same.sum())}, ", end="")
    print(f"and in {int(same[sure].sum())} of the {int(sure.sum())} of which the plain mean is sure (above 0.7).")


def draw(curves: dict[str, list[tuple[float, float, int]]]) -> None:
    """Draw reliability curves; a point's size is its number of faces."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 5))
    axes.plot([0, 1], [0, 1], color="gray", linewidth=0.8)
    for name, rows in curves.items():
        total = sum(count for *_, count in rows)
        points = axes.plot([sure for sure, *_ in rows], [hit for _, hit, _ in rows], label=name)
        sizes = [20 + 600 * count / total for *_, count in rows]
        axes.scatter([r[0] for r in rows], [r[1] for r in rows], sizes, color=points[0].get_color(), alpha=0.5)
    axes.set(xlabel="confidence", ylabel="share right", xlim=(0, 1), ylim=(0, 1))
    axes.set_title("Rendered people who were held out", fontsize=10)
    axes.legend(loc="upper left")
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110)


def main() -> None:
    """Fit, measure, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+", help="folders of rendered stills or clips of groups")
    parser.add_argument(
        "--every", type=int, nargs="+", default=[2, 1, 2], help="as fit_emotion_calibration.py takes it"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    train = read_faces(arguments.data, "train", arguments.every)
    held_out = read_faces(arguments.data, "held_out", [1] * len(arguments.data))
    shipped = load_face_networks(default_weights_path(), torch.device("cpu"))["calibration"]
    print(f"Fitted on {len(train[0])} faces, measured on {len(held_out[0])}.\n")
    print("| on people held out | accuracy | negative log-likelihood | calibration error |\n|---|---|---|---|")
    print_row("plain mean", lambda mean, features: mean, held_out)
    print_row("temperature", fit_temperature(train, with_bias=False), held_out)
    print_row("temperature and bias per class", fit_temperature(train, with_bias=True), held_out)
    for decay in (0.1, 0.03, 0.01, 0.005, 0.001):
        print_row(f"linear layer, decay {decay:g}", fit(*train, decay), held_out)
    print_row("as shipped", shipped, held_out)
    print_real_faces(FacialEmotionCapture(), FacialEmotionCapture(emotion_calibration=0.0))
    print_thumbnails(FacialEmotionCapture(), FacialEmotionCapture(emotion_calibration=0.0))
    emotions, mean, features = held_out
    readings = {"plain mean": mean, "calibrated": shipped(mean, features)}
    draw({name: reliability(probabilities, emotions) for name, probabilities in readings.items()})


if __name__ == "__main__":
    main()
