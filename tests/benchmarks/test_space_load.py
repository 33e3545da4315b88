import pytest
from space_load import failures_of


@pytest.mark.parametrize(
    ("wrong", "peaks", "said"),
    [
        ([], [1000.0, 1050.0, 1099.0], []),
        ([], [1000.0], []),
        ([], [1000.0, 1101.0], ["grew by 10.1%"]),
        (["request 3, clip: ValueError()"], [1000.0, 900.0], ["1 errors"]),
        (["request 3, clip: ValueError()"], [1000.0, 2000.0], ["1 errors", "grew by 100.0%"]),
    ],
)
def test_errors_and_growth_beyond_the_limit_are_failures(wrong, peaks, said):
    failures = failures_of(wrong, peaks)
    assert len(failures) == len(said) and all(part in text for part, text in zip(said, failures, strict=True))
