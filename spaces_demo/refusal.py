"""A request that can't be met, and the sentence that says why."""


class RefusedError(ValueError):
    """What was asked for can't be done with what was given; the message is a sentence for a person."""
