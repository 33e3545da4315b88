"""The first line of an error's message: those of libraries may run to pages."""

_LONGEST_REASON = 300
"""Characters of a reason that a sentence quotes."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message; the name of its class if the message is empty."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def short_reason(error: BaseException) -> str:
    """Return the first line of an error's message, cut to fit into another sentence."""
    return first_line(error)[:_LONGEST_REASON]
