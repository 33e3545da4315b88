"""Which frames of a clip are kept."""

import torch
from transformers.video_utils import VideoMetadata


def sample_evenly(
    metadata: VideoMetadata,
    num_frames: int | None,
    fps: float | None,
    *,
    step: int,
    min_frames: int,
    max_frames: int,
) -> list[int]:
    """Choose frames evenly over a clip, as `Qwen2VLVideoProcessor.sample_frames` does, however short the clip is.

    Args:
        metadata: Length and rate of the clip.
        num_frames: Number of frames; goes before `fps`.
        fps: Frames per second; with neither, all frames are kept.
        step: The number of frames is rounded to a multiple of it, as far as the clip has them.
        min_frames: Smallest number of frames (as far as the clip has them) when sampling by `fps`.
        max_frames: Largest number of frames when sampling by `fps`.

    Returns:
        Indices, ascending.

    Raises:
        ValueError: If a number is not positive, there are fewer frames than asked for, or `fps` is asked of a clip of
            unknown rate.
    """
    if (num_frames is not None and num_frames < 1) or (fps is not None and fps <= 0):
        raise ValueError(f"`num_frames` and `fps` must be positive, not {fps if num_frames is None else num_frames}.")
    total = int(metadata.total_num_frames)
    if num_frames is not None:
        if num_frames > total:
            raise ValueError(f"Can't sample num_frames={num_frames} from a clip of {total} frames.")
        wanted = round(num_frames / step) * step
    elif fps is None:
        return list(range(total))
    elif not metadata.fps:
        raise ValueError("Sampling by `fps` needs the clip's own rate: pass `video_metadata` with `fps`.")
    else:
        most = min(max_frames, total) // step * step
        # A rate made of time stamps is 12.000000000000002: without rounding, two seconds at 3 fps are 4 frames.
        wanted = min(max(round(total / metadata.fps * fps, 6), min_frames), most) // step * step
    count = min(max(step, int(wanted)), total)
    # The same float32 steps as Qwen's, so that the same frames are chosen.
    return torch.arange(0, total, total / count)[:count].int().tolist()
