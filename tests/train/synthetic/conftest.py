import pytest

from emotion_qwen.train.synthetic.head_identity import sample_person
from emotion_qwen.train.synthetic.head_model import HeadModel, build_head


@pytest.fixture(scope="session")
def head() -> HeadModel:
    return build_head(sample_person(3))
