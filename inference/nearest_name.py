"""The known name that is nearest to a misspelt one."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Makes a sentence with the known name that is nearest, with a space before it; empty if none is near.

    Args:
        name: What was written.
        known: What could have been meant.
    """
    nearest = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {nearest[0]!r}?" if nearest else ""
