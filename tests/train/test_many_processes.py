"""Runs of two processes, each of which must compute what one process does with twice the batches."""

import json

import pytest

from emotion_qwen.train import sft
from emotion_qwen.train.grouped_sampler import GroupedSampler
from emotion_qwen.train.recipe import ACCELERATE

from .conftest import recipe_based_on
from .launched import TWO_PROCESSES, equal, finished, losses, start

ACCELERATE_LAUNCH = ("-m", "accelerate.commands.launch", "--config_file", str(ACCELERATE / "two_cpu.yaml"))
ZERO_2 = (
    "-m", "accelerate.commands.launch", "--config_file", str(ACCELERATE / "zero2.yaml"),
    "--num_processes", "2",
)  # fmt: skip
IN_FLOAT32 = ("num_train_epochs=2", "max_grad_norm=1", "bf16=false")
"""So that losses can be compared."""
ONE_BY_ONE = (*IN_FLOAT32, "per_device_train_batch_size=1")


def train_as_one(path, folder, *settings, launcher=TWO_PROCESSES):
    """Asserts that two processes have the losses of one, step by step."""
    together, alone = folder / "together", folder / "alone"
    output = finished(start(path, together, *ONE_BY_ONE, *settings, launcher=launcher))
    assert "processes: 2" in output
    # What one process takes two batches for, one after the other; its two workers decode in turn.
    twice = ("gradient_accumulation_steps=2", "dataloader_num_workers=2")
    assert "processes: 1" in finished(start(path, alone, *ONE_BY_ONE, *settings, *twice))
    assert losses(together) == pytest.approx(losses(alone), rel=1e-3)
    assert len(losses(together)) >= 6


@pytest.fixture
def rendered(faces):
    source = {"reader": "rendered", "folder": str(faces), "side": 80, "weight": 1}
    return [source | {"samples": 6}, source | {"kind": "video", "samples": 2}]


@pytest.fixture
def path(rendered, nano, tmp_path):
    return recipe_based_on(tmp_path, "nano/stage3", model_name_or_path=str(nano), data=rendered)


@pytest.mark.slow
def test_two_processes_train_as_one(path, tmp_path):
    train_as_one(path, tmp_path)


@pytest.mark.slow
def test_accelerate_starts_two_processes_without_a_gpu(path, tmp_path):
    train_as_one(path, tmp_path, launcher=ACCELERATE_LAUNCH)


@pytest.mark.slow
def test_two_processes_share_the_batches_that_one_has_alone(path, tmp_path):
    together, alone = tmp_path / "together", tmp_path / "alone"
    split = (*IN_FLOAT32, "accelerator_config.split_batches=true")
    assert "processes: 2" in finished(start(path, together, *split, launcher=ACCELERATE_LAUNCH))
    assert "processes: 1" in finished(start(path, alone, *IN_FLOAT32))
    assert losses(together) == pytest.approx(losses(alone), rel=1e-3)
    assert len(losses(together)) == 8


@pytest.mark.slow
def test_each_of_two_processes_decodes_its_own_part_of_a_stream(path, tmp_path):
    train_as_one(path, tmp_path, "streaming=true", "max_steps=8")


def test_processes_that_do_not_join_are_noticed(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    sft.require_all_processes(2)
    with pytest.raises(RuntimeError, match="2 processes, but 1"):
        sft.require_all_processes(1)


@pytest.fixture
def mixed(faces, tmp_path):
    """Text alone, pictures and clips, a source each."""
    pictures = sorted((faces / "media").glob("*.jpg"))[:4]
    clips = sorted((faces / "media").glob("*.mp4"))[:4]
    assert len(pictures) == len(clips) == 4
    sources = []
    for kind, media in {"text": [None] * 4, "image": pictures, "video": clips}.items():
        records = [
            {
                **({} if medium is None else {kind: str(medium)}),
                "conversations": [
                    {"role": "user", "content": f"{'' if medium is None else f'<{kind}>'}How is {number}?"},
                    {"role": "assistant", "content": "happy"},
                ],
            }
            for number, medium in enumerate(media)
        ]
        file = tmp_path / f"{kind}.json"
        file.write_text(json.dumps(records))
        sources.append({"reader": "conversations", "path": str(file)})
    return sources


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["nano/stage1", "nano/stage3"])
def test_text_on_one_process_and_pictures_or_clips_on_the_other_do_not_wait_for_each_other(
    stage, mixed, nano, tmp_path
):
    seed = 8
    drawn = list(GroupedSampler([0] * 4 + [1] * 4 + [2] * 4, batch_size=1, seed=seed))
    steps = {(first // 4, second // 4) for first, second in zip(drawn[::2], drawn[1::2], strict=True)}
    assert steps > {(0, 1), (2, 0)}  # text beside a picture, a clip beside text
    path = recipe_based_on(tmp_path, stage, model_name_or_path=str(nano), data=mixed, seed=seed)
    # Without looking for parameters that were not used, a process that uses others would make the other one wait.
    train_as_one(path, tmp_path, "ddp_find_unused_parameters=false")


@pytest.mark.slow
@pytest.mark.deepspeed
@pytest.mark.timeout(900)  # DeepSpeed compiles its operations first
def test_zero_2_has_the_losses_of_ddp_and_goes_on_with_the_same_weights(mixed, nano, tmp_path):
    adamw = {"muon_learning_rates": {}}  # Muon needs whole matrices
    path = recipe_based_on(tmp_path, "nano/stage3", model_name_or_path=str(nano), data=mixed, **adamw)
    plain, divided, resumed = tmp_path / "plain", tmp_path / "divided", tmp_path / "resumed"
    settings = (*ONE_BY_ONE, "save_steps=4", "save_total_limit=9")
    assert "processes: 2" in finished(start(path, plain, *settings, launcher=TWO_PROCESSES))
    assert "processes: 2" in finished(start(path, divided, *settings, launcher=ZERO_2), timeout=600)
    assert losses(divided) == pytest.approx(losses(plain), rel=1e-4)
    assert len(losses(divided)) == 12
    checkpoint = divided / "checkpoint-4"
    assert (checkpoint / "latest").read_text() == "global_step4"
    finished(start(path, resumed, *settings, f"resume_from_checkpoint={checkpoint}", launcher=ZERO_2))
    assert equal(divided, resumed)
    refused = start(path, resumed, *settings, f"resume_from_checkpoint={checkpoint}", launcher=TWO_PROCESSES)
    said, _ = refused.communicate(timeout=240)
    assert "distributed_type" in said and refused.returncode
