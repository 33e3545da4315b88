import sys
import threading

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from deepface import DeepFace
from deepface.commons import weight_utils
from deepface.models.demography.pytorch.Emotion import EmotionModel
from deepface.models.Detector import FacialAreaRegion
from deepface.modules import modeling
from torch import nn
from transformers.dynamic_module_utils import get_imports

from emotion_qwen.processing import deepface_backend, deepface_models
from emotion_qwen.processing.deepface_backend import DeepFaceDetector, complete_landmarks
from emotion_qwen.processing.face_capture import EMOTIONS, FaceCapture
from emotion_qwen.processing.facial_emotion_capture import FacialEmotionCapture
from emotion_qwen.processing.facial_emotion_capture_settings import DEEPFACE_DETECTORS, FacialEmotionCaptureSettings

from .face_clips import noise, three_expressions

AS_ANALYZE = {"deepface_border": 0.5, "smoothing_window": 1, "min_face_height": 0.0, "detection_threshold": 0.0}


@pytest.fixture(scope="module", autouse=True)
def weights(tmp_path_factory):
    """Random weights of the emotion network, which let faces get different answers, where deepface looks."""
    home = tmp_path_factory.mktemp("home")
    path = home / ".deepface" / "weights" / "facial_expression_model_weights.pth"
    path.parent.mkdir(parents=True)
    torch.manual_seed(0)
    network = EmotionModel()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    torch.save(network.state_dict(), path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEEPFACE_HOME", str(home))
        yield path


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """An empty home, and nothing to download from."""

    def unreachable(url):
        raise ConnectionError(f"no way to {url}")

    monkeypatch.setattr(weight_utils, "ensure_source_is_reachable", unreachable)
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    return tmp_path / ".deepface" / "weights"


@pytest.fixture(scope="module")
def clip():
    """Two heads, one head at the left edge, a leaning head, and nobody: uint8 (4, 3, 224, 448)."""
    happy, angry, surprised = three_expressions()[[2, 8, 15]]
    black = torch.zeros_like(happy)
    leaning = torch.stack([F.pad(row, (shift // 4, 56 - shift // 4)) for shift, row in enumerate(angry.unbind(1))], 1)
    return torch.stack(
        [
            torch.cat([happy, angry], dim=2),
            torch.cat([surprised[:, :, 80:], black, black[:, :, :80]], dim=2),
            F.pad(leaning, (84, 84)),
            torch.cat([black, black], dim=2),
        ]
    )


@pytest.fixture(scope="module")
def analyzed(clip):
    """What deepface itself says, frame by frame: for each frame its faces with a confidence."""
    results = [
        DeepFace.analyze(
            frame.permute(1, 2, 0).numpy()[:, :, ::-1],
            actions=("emotion",),
            detector_backend="fastmtcnn",
            enforce_detection=False,
            silent=True,
        )
        for frame in clip
    ]
    return [[face for face in faces if face["face_confidence"] > 0] for faces in results]


def capture_like_analyze(clip, **settings):
    return FacialEmotionCapture(backend="deepface", **{**AS_ANALYZE, **settings}).capture(clip)


def test_boxes_eyes_and_probabilities_are_those_of_analyze(clip, analyzed):
    capture = capture_like_analyze(clip)
    assert [len(faces) for faces in capture.faces] == [len(faces) for faces in analyzed] == [2, 1, 1, 0]
    seen = []
    for ours, theirs in zip(capture.faces, analyzed, strict=True):
        theirs = sorted(theirs, key=lambda their: their["region"]["x"])
        for face, their in zip(sorted(ours, key=_left), theirs, strict=True):
            region = their["region"]
            assert face.box[:2] == (region["x"], region["y"])
            assert face.box[2] <= region["x"] + region["w"] + 1 and face.box[3] <= region["y"] + region["h"] + 1
            assert face.landmarks[:2] == (region["right_eye"], region["left_eye"])
            assert round(face.score, 2) == pytest.approx(their["face_confidence"])
            expected = [their["emotion"][label] / 100 for label in EMOTIONS]
            assert face.probabilities == pytest.approx(expected, abs=1e-5)
            seen.append(expected)
    assert np.ptp(seen, axis=0).max() > 0.01, "the faces are too alike for the network to show a difference"


def _left(face):
    return face.box[0]


@pytest.mark.parametrize("batch", [1, 3])
def test_batches_change_nothing(clip, batch):
    whole = capture_like_analyze(clip)
    parts = capture_like_analyze(clip, detection_batch_size=batch, classification_batch_size=batch)
    for ours, others in zip(whole.faces, parts.faces, strict=True):
        assert [face.box for face in ours] == [face.box for face in others]
        for face, other in zip(ours, others, strict=True):
            assert face.probabilities == pytest.approx(other.probabilities, abs=1e-5)


def test_a_detector_read_picture_by_picture_gives_the_same(clip):
    settings = FacialEmotionCaptureSettings()
    client = deepface_models.load_detector("fastmtcnn")
    at_once = DeepFaceDetector("fastmtcnn", client, settings).detect(clip)
    one_by_one = DeepFaceDetector("any other name", client, settings).detect(clip)
    assert torch.equal(at_once.frames, one_by_one.frames)
    assert torch.equal(at_once.boxes, one_by_one.boxes)
    assert torch.equal(at_once.landmarks[:, :2], one_by_one.landmarks[:, :2])
    # deepface drops the detector's nose and mouth; the mean face's are near.
    sizes = at_once.boxes[:, 3] - at_once.boxes[:, 1]
    distances = (at_once.landmarks - one_by_one.landmarks).norm(dim=2).amax(dim=1)
    assert (distances < 0.2 * sizes).all()


def test_without_a_border_the_faces_are_the_same_but_for_a_few_pixels(clip):
    bordered, plain = capture_like_analyze(clip), capture_like_analyze(clip, deepface_border=0.0)
    for ours, others in zip(bordered.faces, plain.faces, strict=True):
        assert len(ours) == len(others)
        for face, other in zip(sorted(ours, key=_left), sorted(others, key=_left), strict=True):
            height = face.box[3] - face.box[1]
            assert np.abs(np.subtract(face.box, other.box)).max() < 0.15 * height


def test_capture_is_like_that_of_any_backend():
    capture = FacialEmotionCapture(backend="deepface").capture(three_expressions(), fps=3)
    assert capture.tracks == {0: tuple(range(18))}
    assert FaceCapture.from_dict(capture.to_dict()) == capture
    assert capture.key_frames
    for (face,) in capture.faces:
        left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
        assert left_eye[0] < nose[0] < right_eye[0] and left_mouth[0] < right_mouth[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
        assert sum(face.probabilities) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("border", [0.0, 0.5])
@pytest.mark.parametrize("shape", [(0, 3, 64, 64), (2, 3, 3, 3), (1, 3, 1, 200), (2, 3, 64, 64)])
def test_clips_without_a_face(shape, border):
    for frames in (torch.zeros(shape, dtype=torch.uint8), noise(*shape)):
        capture = FacialEmotionCapture(backend="deepface", deepface_border=border).capture(frames)
        assert capture.num_frames == shape[0] and not capture.has_faces


def test_threads_share_the_detector(clip):
    expected = capture_like_analyze(clip)
    captures = [None, None]

    def run(index):
        captures[index] = capture_like_analyze(clip)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert captures == [expected, expected]


class OneFace:
    """Stands in for a detector whose weights are not here."""

    def __init__(self, **known):
        self.known = known

    def detect_faces(self, picture):
        return [FacialAreaRegion(x=20, y=10, w=40, h=50, confidence=0.9, **self.known)]


def detect_one(name, **known):
    detector = DeepFaceDetector(name, OneFace(**known), FacialEmotionCaptureSettings())
    return detector.detect(torch.zeros(1, 3, 80, 100, dtype=torch.uint8))


def test_all_five_landmarks_of_a_detector_are_kept():
    points = {"left_eye": (50, 30), "right_eye": (30, 30), "nose": (40, 38)}
    found = detect_one("retinaface", **points, mouth_left=(48, 50), mouth_right=(32, 50))
    assert found.boxes.tolist() == [[20, 10, 60, 60]]
    assert found.landmarks[0].tolist() == [[30, 30], [50, 30], [40, 38], [32, 50], [48, 50]]


def test_eyes_that_a_detector_does_not_tell_are_looked_for_as_deepface_does(monkeypatch):
    class Eyes:
        def find_eyes(self, picture):
            assert picture.shape == (50, 40, 3)
            return (30, 20), (10, 22)

    monkeypatch.setattr(deepface_backend, "load_detector", {"opencv": Eyes()}.__getitem__)
    found = detect_one("yolov11n")
    assert found.landmarks[0, :2].tolist() == [[30, 32], [50, 30]]


def test_eyes_that_nobody_finds_are_level():
    found = detect_one("opencv")
    left, right = found.landmarks[0, :2].tolist()
    assert left[1] == right[1] and 20 < left[0] < right[0] < 60


def test_a_mean_face_turns_with_its_eyes():
    level = complete_landmarks((0, 0, 100, 100), (30 + 40j, 70 + 40j))
    turned = complete_landmarks((0, 0, 100, 100), tuple(point * 1j for point in level[:2]))
    assert np.allclose(turned, np.array(level) * 1j)
    assert level[2].real == pytest.approx(50, abs=2) and 55 < level[2].imag < 75
    assert level[3].imag == pytest.approx(level[4].imag, abs=1) and level[3].imag > 80


def test_settings_know_every_detector_of_deepface():
    assert set(DEEPFACE_DETECTORS) == set(modeling.AVAILABLE_MODELS["face_detector"])


@pytest.mark.parametrize("settings", [{"deepface_detector": "haar"}, {"deepface_border": 1.5}])
def test_wrong_settings_are_named(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        FacialEmotionCapture(backend="deepface", **settings)


def test_missing_emotion_weights_are_named_with_their_place(no_network, clip):
    with pytest.raises(FileNotFoundError) as raised:
        FacialEmotionCapture(backend="deepface").capture(clip)
    assert "facial_expression_model_weights.pth" in str(raised.value) and str(no_network) in str(raised.value)


def test_missing_detector_weights_are_named_with_their_place(no_network, clip):
    with pytest.raises(ValueError, match="'yunet'") as raised:
        FacialEmotionCapture(backend="deepface", deepface_detector="yunet").capture(clip)
    assert str(no_network / "face_detection_yunet_2023mar.onnx") in str(raised.value)


def test_damaged_emotion_weights_are_named(no_network, clip):
    no_network.mkdir(parents=True)
    (no_network / "facial_expression_model_weights.pth").write_bytes(b"not weights")
    with pytest.raises(ValueError, match="facial_expression_model_weights.pth does not hold"):
        FacialEmotionCapture(backend="deepface").capture(clip)


def test_weights_of_another_engine_are_found_unless_the_engine_is_settled(no_network, monkeypatch):
    no_network.mkdir(parents=True)
    (no_network / "facial_expression_model_weights.onnx").touch()
    library = deepface_models.import_deepface()
    assert deepface_models._find_weights(library)[0] == "onnx"
    monkeypatch.setenv("DEEPFACE_BACKEND_ENGINE", "pytorch")
    assert deepface_models._find_weights(library)[0] == "pytorch"


@pytest.mark.parametrize("module", [deepface_backend, deepface_models])
def test_a_hub_folder_that_carries_these_files_does_not_ask_for_deepface(module):
    assert "deepface" not in get_imports(module.__file__)


def test_without_deepface_the_message_says_what_to_install(monkeypatch, clip):
    monkeypatch.setitem(sys.modules, "deepface", None)
    monkeypatch.setitem(sys.modules, "deepface.DeepFace", None)
    with pytest.raises(ImportError, match=r"pip install 'emotion-qwen\[deepface\]'"):
        FacialEmotionCapture(backend="deepface").capture(clip)
