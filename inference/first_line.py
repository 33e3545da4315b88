"""What an error says first: those of libraries may say pages."""

_LONGEST_REASON = 300  # characters


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message; the name of its class where it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def short_reason(error: BaseException) -> str:
    """Return as much of the first line as fits into a sentence of one's own."""
    return first_line(error)[:_LONGEST_REASON]
