"""The processor: text with media, saving and loading, and clients that must run unchanged."""

import json
import shutil
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from qwen_vl_utils import process_vision_info
from skimage import data
from transformers import AutoProcessor
from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor
from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor
from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor
from transformers.video_utils import VideoMetadata

import emotion_qwen.processing
from emotion_qwen.processing import EmotionQwenProcessor, load_chat_template

IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
VIDEO = "<|vision_start|><|video_pad|><|vision_end|>"


@pytest.fixture(scope="module")
def smile() -> PIL.Image.Image:
    return PIL.Image.fromarray(data.astronaut()[::2, ::2])


def noise(num_frames: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (num_frames, height, width, 3), dtype=np.uint8)


def count(output, token_id: int) -> int:
    return int((output["input_ids"] == token_id).sum())


def _qwens(processor: EmotionQwenProcessor, tokenizer) -> Qwen2_5_VLProcessor:
    return Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(size=dict(processor.image_processor.size)),
        video_processor=Qwen2VLVideoProcessor(
            size=dict(processor.video_processor.size), fps=3, do_sample_frames=True, cap_pixels_per_frame=True
        ),
        tokenizer=tokenizer,
    )


def _rates(*lengths: int) -> list[VideoMetadata]:
    return [VideoMetadata(total_num_frames=length, fps=10 - 2 * index) for index, length in enumerate(lengths)]


@pytest.mark.parametrize(
    "call",
    [
        {"text": ["Only text", "and some more"]},
        {"text": [f"{IMAGE}{IMAGE} which one?", f"{IMAGE} this one"], "images": "three"},
        {
            "text": [f"{VIDEO}{VIDEO}"],
            "videos": [noise(40, 60, 80), noise(20, 60, 80)],
            "video_metadata": _rates(40, 20),
        },
        {
            "text": [f"{IMAGE} and {VIDEO}?", f"{VIDEO}!", "nothing to see"],
            "images": [noise(1, 70, 90)[0]],
            "videos": [noise(40, 60, 80), noise(20, 60, 80)],
            "video_metadata": _rates(40, 20),
        },
        {
            "text": VIDEO,
            "videos": [torch.from_numpy(noise(6, 60, 80)).permute(0, 3, 1, 2).float()],
            "video_metadata": [VideoMetadata(total_num_frames=6, fps=3, frames_indices=list(range(6)))],
            "do_sample_frames": False,
        },
    ],
    ids=["text", "images", "clips", "all", "floats"],
)
def test_without_capture_inputs_equal_qwens(processor: EmotionQwenProcessor, tokenizer, smile, call):
    call = {**call, "padding": True, "return_tensors": "pt"}
    if "images" in call:
        call["images"] = [smile, noise(1, 70, 90)[0], smile] if call["images"] == "three" else call["images"]
    expected = _qwens(processor, tokenizer)(**call)
    found = processor(**call, facial_emotion_capture=False)
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert torch.equal(torch.as_tensor(found[name]), torch.as_tensor(value)), name


def test_a_batch_of_images_and_clips_is_each_prompt_alone(processor: EmotionQwenProcessor, smile):
    """Several images in a prompt, faces in some, clips beside them."""
    empty, clip = noise(1, 70, 90)[0], np.stack([np.asarray(smile)] * 4)
    prompts = [
        {"text": f"{IMAGE}{IMAGE}{VIDEO}", "images": [smile, empty], "videos": [clip]},
        {"text": "no picture"},
        {"text": f"{VIDEO}{IMAGE}", "images": [smile], "videos": [noise(5, 60, 80)]},
        {"text": f"{IMAGE}{IMAGE}{IMAGE}", "images": [empty, smile, empty]},
    ]
    together = processor(
        text=[prompt["text"] for prompt in prompts],
        images=[image for prompt in prompts for image in prompt.get("images", [])],
        videos=[video for prompt in prompts for video in prompt.get("videos", [])],
        padding=True,
        return_tensors="pt",
    )
    alone = [processor(**prompt, return_tensors="pt") for prompt in prompts]
    assert together["image_grid_thw"][:, 0].tolist() == [2, 1, 2, 1, 2, 1]
    assert together["video_grid_thw"].tolist() == [[3, 18, 18], [3, 4, 6]]
    for name in ("pixel_values", "pixel_values_videos", "image_grid_thw", "video_grid_thw"):
        assert together[name].equal(torch.cat([single[name] for single in alone if name in single])), name
    for row, mask, single in zip(together["input_ids"], together["attention_mask"], alone, strict=True):
        assert row[mask.bool()].equal(single["input_ids"][0])


def test_one_placeholder_and_one_time_step_whatever_key_frames_follow(processor: EmotionQwenProcessor, smile):
    clip = np.stack([np.asarray(smile)] * 6)
    call = {"text": f"{VIDEO}{IMAGE}", "videos": clip, "images": smile, "return_tensors": "pt"}
    captured, plain = processor(**call), processor(**call, facial_emotion_capture=False)
    assert plain["video_grid_thw"].tolist() == [[3, 18, 18]]
    assert captured["video_grid_thw"].tolist() == [[4, 18, 18]]
    assert captured["image_grid_thw"].tolist() == [[2, 18, 18]]
    assert count(captured, processor.video_token_id) == 4 * 81
    assert count(captured, processor.image_token_id) == 2 * 81
    assert captured["second_per_grid_ts"] == plain["second_per_grid_ts"] == pytest.approx([2 / 3])
    assert captured["mm_token_type_ids"].eq(2).sum() == 4 * 81


def test_stored_captures_go_to_their_modality(processor: EmotionQwenProcessor, smile):
    frames = torch.from_numpy(np.stack([np.asarray(smile)] * 6)).permute(0, 3, 1, 2)
    of_video = processor.video_processor.capture_faces(frames)
    of_image = processor.image_processor.capture_faces(smile)
    call = {"text": f"{VIDEO}{IMAGE}", "videos": frames, "images": smile, "return_tensors": "pt"}
    found = processor(
        **call, videos_kwargs={"face_captures": [of_video.to_dict()]}, images_kwargs={"face_captures": [of_image]}
    )
    assert found["pixel_values_videos"].equal(processor(**call)["pixel_values_videos"])
    assert found["pixel_values"].equal(processor(**call)["pixel_values"])


def test_time_steps_follow_the_clip(processor: EmotionQwenProcessor, gray_clip: str):
    output = processor(text=VIDEO, videos=gray_clip, return_tensors="pt")
    assert output["second_per_grid_ts"] == pytest.approx([2 / 3])
    output = processor(text=VIDEO, videos=gray_clip, fps=5, return_tensors="pt")
    assert output["second_per_grid_ts"] == pytest.approx([2 / 5])
    output = processor(text=VIDEO, videos=gray_clip, num_frames=4, return_tensors="pt")
    assert output["second_per_grid_ts"] == pytest.approx([2 / 2])


def test_messages_with_media_in_one_call(processor: EmotionQwenProcessor, gray_clip: str, tmp_path: Path):
    path = str(tmp_path / "frame.png")
    PIL.Image.fromarray(noise(1, 60, 60)[0]).save(path)
    conversations = [
        [{"role": "user", "content": [{"type": "video", "video": gray_clip}, {"type": "text", "text": "Which?"}]}],
        [
            {
                "role": "user",
                "content": [{"type": "video", "video": [path, path, path]}, {"type": "image", "url": path}],
            }
        ],
        [{"role": "user", "content": "Hi"}],
    ]
    output = processor.apply_chat_template(
        conversations,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True},
    )
    assert output["video_grid_thw"].tolist() == [[3, 4, 4], [2, 4, 4]]
    assert output["image_grid_thw"].tolist() == [[1, 4, 4]]
    assert [int(row.eq(processor.video_token_id).sum()) for row in output["input_ids"]] == [12, 8, 0]


def test_clips_count_as_the_video_processor_counts_them(processor: EmotionQwenProcessor, gray_clip: str):
    picture = PIL.Image.fromarray(noise(1, 60, 60)[0])
    for videos in (Path(gray_clip), [gray_clip], [[gray_clip]], [picture, picture], [[picture, picture]]):
        output = processor(text=VIDEO, videos=videos, return_tensors="pt")
        assert len(output["video_grid_thw"]) == 1
    output = processor(text=[VIDEO, VIDEO], videos=[gray_clip, [picture] * 2], padding=True, return_tensors="pt")
    assert output["video_grid_thw"].tolist() == [[3, 4, 4], [1, 4, 4]]


def write_frames(folder: Path, picture: PIL.Image.Image) -> list[str]:
    paths = [str(folder / f"{index}.png") for index in range(4)]
    for path in paths:
        picture.save(path)
    return paths


@pytest.mark.parametrize("kind", ["image", "video"])
def test_the_authors_client_runs_unchanged(processor: EmotionQwenProcessor, smile, tmp_path: Path, kind: str):
    paths = write_frames(tmp_path, smile)
    media = {"type": "image", "image": paths[0]} if kind == "image" else {"type": "video", "video": paths}
    messages = [{"role": "user", "content": [media, {"type": "text", "text": "Which emotion?"}]}]
    text = processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    image_inputs, video_inputs = process_vision_info(messages)
    inputs = processor(text=[text], images=image_inputs, videos=video_inputs, padding=True, return_tensors="pt")
    assert inputs[f"{kind}_grid_thw"][0, 0] == {"image": 2, "video": 3}[kind]  # with the masked copy of the face
    token = processor.image_token_id if kind == "image" else processor.video_token_id
    assert count(inputs, token) * 4 == len(inputs["pixel_values" if kind == "image" else "pixel_values_videos"])
    assert processor.batch_decode(inputs["input_ids"])[0].startswith("<|im_start|>system\n")


def test_qwens_own_client_passes_its_rates_as_a_list(processor: EmotionQwenProcessor, smile, tmp_path: Path):
    video = {"type": "video", "video": write_frames(tmp_path, smile), "sample_fps": 4.0}
    messages = [{"role": "user", "content": [video]}]
    _, video_inputs, video_kwargs = process_vision_info(messages, return_video_kwargs=True)
    inputs = processor(text=[VIDEO], videos=video_inputs, padding=True, return_tensors="pt", **video_kwargs)
    assert inputs["second_per_grid_ts"] == pytest.approx([2 / 4])


def test_empty_lists_of_media_count_as_none(processor: EmotionQwenProcessor, gray_clip: str):
    output = processor(text=["Hi"], images=[], videos=[], audios=[], padding=True, return_tensors="pt")
    assert set(output) == {"input_ids", "attention_mask", "mm_token_type_ids"}
    output = processor(text=[VIDEO], images=[[]], videos=[gray_clip], audios=None, return_tensors="pt")
    assert "pixel_values" not in output
    assert "pixel_values_videos" in output
    with pytest.raises(ValueError, match="no audio"):
        processor(text=["Hi"], audios=[np.zeros(100)], return_tensors="pt")
    with pytest.raises(ValueError, match="at least one input"):
        processor(images=[], videos=[])


def test_placeholders_can_be_counted_beforehand(processor: EmotionQwenProcessor):
    for _ in range(2):  # asking with other settings must not stick
        small = processor._get_num_multimodal_tokens(
            image_sizes=[(500, 500)],
            video_sizes=[(6, 500, 500)],
            size={"shortest_edge": 56 * 56, "longest_edge": 112 * 112},
        )
        assert small["num_image_tokens"] == [16]
        assert small["num_video_tokens"] == [48]
        plain = processor._get_num_multimodal_tokens(video_sizes=[(6, 448, 448)])
        assert plain["num_video_tokens"] == [3 * 256]
    nested = processor._get_num_multimodal_tokens(
        image_sizes=[(56, 56)],
        video_sizes=[(6, 56, 56)],
        images_kwargs={"num_key_frames": 1},
        videos_kwargs={"num_key_frames": 3},
    )
    assert (nested["num_image_tokens"], nested["num_video_tokens"]) == ([8], [20])
    output = processor(text=VIDEO, videos=noise(7, 100, 150), return_tensors="pt")
    assert processor._get_num_multimodal_tokens(video_sizes=[(7, 100, 150)])["num_video_tokens"] == [
        count(output, processor.video_token_id)
    ]


def test_it_survives_saving(processor: EmotionQwenProcessor, tmp_path: Path):
    processor.video_processor.fec_config["max_key_frames"] = 3
    processor.save_pretrained(tmp_path)
    stored = json.loads((tmp_path / "processor_config.json").read_text())
    assert stored["video_processor"]["fec_config"]["max_key_frames"] == 3
    assert stored["image_processor"]["facial_emotion_capture"] is True
    assert "face_networks" not in json.dumps(stored)
    assert (tmp_path / "chat_template.jinja").read_text() == load_chat_template()
    for loader in (EmotionQwenProcessor, AutoProcessor):
        loaded = loader.from_pretrained(tmp_path)
        assert type(loaded) is EmotionQwenProcessor
        assert loaded.to_dict() == processor.to_dict()
        assert loaded.chat_template == processor.chat_template


def test_a_checkpoint_brings_its_own_face_networks(processor: EmotionQwenProcessor, tmp_path: Path, smile):
    processor.save_pretrained(tmp_path)
    weights = Path(emotion_qwen.processing.__file__).parent / "weights" / "face_networks.safetensors"
    shutil.copy(weights, tmp_path)
    loaded = EmotionQwenProcessor.from_pretrained(tmp_path)
    for part in (loaded.image_processor, loaded.video_processor):
        assert Path(part._face_networks_path) == tmp_path / "face_networks.safetensors"
    assert loaded.to_dict() == processor.to_dict()
    call = {"text": IMAGE, "images": smile, "return_tensors": "pt"}
    assert loaded(**call)["pixel_values"].equal(processor(**call)["pixel_values"])


def test_settings_can_be_overridden_while_loading(processor: EmotionQwenProcessor, tmp_path: Path):
    processor.save_pretrained(tmp_path)
    loaded = EmotionQwenProcessor.from_pretrained(tmp_path, facial_emotion_capture=False, fps=5)
    assert loaded.video_processor.facial_emotion_capture is False
    assert loaded.image_processor.facial_emotion_capture is False
    assert loaded.video_processor.fps == 5


def test_each_kind_of_media_has_its_part(processor: EmotionQwenProcessor):
    assert processor.visual_processor("image") is processor.image_processor
    assert processor.visual_processor("video") is processor.video_processor
