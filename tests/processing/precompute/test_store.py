"""Stored faces come back as the processor would find them, for the right settings only."""

import json
import os
import pickle
import shutil

import pytest

from emotion_qwen.processing import EmotionQwenProcessor, EmotionQwenVideoProcessor, load_chat_template
from emotion_qwen.processing.precompute import FaceCaptureStore, MediaCapturer
from emotion_qwen.processing.precompute.capture_files import Journal, pack_journals

from ...tiny_tokenizer import tiny_tokenizer


def store_rows(folder, capturer, paths, pack=True):
    """What a run leaves, written without worker processes."""
    for path in paths:
        row = capturer(path)
        own = folder / capturer.recipes()[row.kind].name
        own.mkdir(parents=True, exist_ok=True)
        capturer.recipes()[row.kind].write(own / "recipe.json")
        journal = Journal(own, "shard")
        journal.append(row)
        if pack:
            pack_journals([journal.path])


def processor_of(capturer: MediaCapturer) -> EmotionQwenProcessor:
    return EmotionQwenProcessor(
        capturer.image_processor, tiny_tokenizer(), capturer.video_processor, chat_template=load_chat_template()
    )


@pytest.fixture
def folder(tmp_path, capturer, clips):
    store_rows(tmp_path / "faces", capturer, clips[:2])
    store_rows(tmp_path / "faces", capturer, clips[2:3], pack=False)
    return tmp_path / "faces"


def test_the_processor_makes_the_same_of_stored_faces(folder, capturer, clips):
    processor = processor_of(capturer)
    store = FaceCaptureStore(folder, processor)
    assert len(store) == 3
    names = [str(path) for path in clips[:3]]
    captures = [store.get(name, "video") for name in names]
    assert all(capture.key_frames for capture in captures)
    stored = processor.video_processor(names, face_captures=captures, return_tensors="pt")
    found = processor.video_processor(names, return_tensors="pt")
    assert stored["video_grid_thw"].equal(found["video_grid_thw"])
    assert stored["pixel_values_videos"].equal(found["pixel_values_videos"])


def test_content_decides_not_the_name(folder, clips, tmp_path):
    store = FaceCaptureStore(folder)
    moved = shutil.copy(clips[0], tmp_path / "renamed.mov")
    assert store.get(moved) == store.get(clips[0]) == store.get({"bytes": clips[0].read_bytes(), "path": None})
    assert store.get(clips[3]) is None and store.get(clips[0], "image") is None
    os.utime(moved, (0, 0))
    shutil.copy(clips[1], moved)
    assert store.get(moved) == store.get(clips[1])


def test_a_journal_left_beside_its_parquet_file_counts_once(folder, capturer, clips):
    store_rows(folder, capturer, clips[:1], pack=False)  # killed between naming the one and deleting the other
    assert len(FaceCaptureStore(folder)) == 3


def test_a_store_survives_a_pickle(folder, clips):
    assert pickle.loads(pickle.dumps(FaceCaptureStore(folder))).get(clips[0]) is not None


@pytest.mark.parametrize(
    ("settings", "named"), [({"fps": 2}, "fps 3 "), ({"fec_config": {"crop_scale": 1.5}}, "crop_scale")]
)
def test_other_settings_are_refused(folder, capturer, settings, named):
    other = MediaCapturer(capturer.image_processor, EmotionQwenVideoProcessor(**settings))
    with pytest.raises(ValueError, match=named):
        FaceCaptureStore(folder, processor_of(other))


def test_a_newer_version_is_refused(folder, capturer, monkeypatch):
    monkeypatch.setattr("emotion_qwen.processing.precompute.capture_recipe.FEC_VERSION", 10**6)
    with pytest.raises(ValueError, match="fec_version"):
        FaceCaptureStore(folder, processor_of(capturer))


def store_as_deepface(folder, capturer, deepface, clip):
    """Store a clip's faces as if DeepFace had captured them with the weights that are there now."""
    own = folder / deepface.recipes()["video"].name
    own.mkdir(parents=True)
    deepface.recipes()["video"].write(own / "recipe.json")
    Journal(own, "shard").append(capturer(clip))


def test_other_weights_of_deepface_are_refused(tmp_path, capturer, clips, monkeypatch):
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    weights = tmp_path / ".deepface" / "weights" / "facial_expression_model_weights.pth"
    weights.parent.mkdir(parents=True)
    deepface = MediaCapturer(capturer.image_processor, EmotionQwenVideoProcessor(fec_config={"backend": "deepface"}))
    weights.write_bytes(b"first")
    store_as_deepface(tmp_path / "faces", capturer, deepface, clips[0])
    assert FaceCaptureStore(tmp_path / "faces", processor_of(deepface)).get(clips[0]) is not None
    weights.write_bytes(b"second")
    with pytest.raises(ValueError, match="emotion_weights"):
        FaceCaptureStore(tmp_path / "faces", processor_of(deepface))
    weights.unlink()  # a machine that only uses stored faces
    assert FaceCaptureStore(tmp_path / "faces", processor_of(deepface)).get(clips[0]) is not None
    weights.write_bytes(b"second")
    store_as_deepface(tmp_path / "faces", capturer, deepface, clips[1])
    assert FaceCaptureStore(tmp_path / "faces", processor_of(deepface)).get(clips[0]) is None
    weights.unlink()
    with pytest.raises(ValueError, match="2 different settings"):
        FaceCaptureStore(tmp_path / "faces", processor_of(deepface))


def test_how_faces_are_masked_is_free(folder, capturer, clips):
    processor = processor_of(
        MediaCapturer(capturer.image_processor, EmotionQwenVideoProcessor(fec_config={"mask_fade": 0.5}))
    )
    assert FaceCaptureStore(folder, processor).get(clips[0]) is not None


def test_results_of_several_settings_need_a_processor(folder, capturer, clips):
    other = MediaCapturer(capturer.image_processor, EmotionQwenVideoProcessor(fps=1))
    store_rows(folder, other, clips[:1])
    with pytest.raises(ValueError, match="2 different settings"):
        FaceCaptureStore(folder)
    fewer = FaceCaptureStore(folder, processor_of(other)).get(clips[0])
    assert fewer.num_frames < FaceCaptureStore(folder, processor_of(capturer)).get(clips[0]).num_frames


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no stored faces"):
        FaceCaptureStore(tmp_path)


def test_pixels_are_not_stored(capturer, clips):
    capture = json.loads(capturer(clips[0]).capture)
    assert set(capture) >= {"frame_size", "faces", "key_frames"}
    assert len(json.dumps(capture)) < 600 * len(capture["faces"]) + 2000
