import numpy as np

from emotion_qwen.train.synthetic.clip_lengths import even_length


def test_clips_have_an_even_number_of_frames_within_the_asked():
    rng = np.random.default_rng(0)
    drawn = {even_length(rng, 5, 11) for _ in range(100)}
    assert drawn == {6, 8, 10}
