"""Small numbers in words, in English and Chinese."""

_ENGLISH = ("zero", "one", "two", "three", "four")
_CHINESE = ("零", "一", "两", "三", "四")


def number_word(number: int, language: str) -> str:
    """A number from 0 to 4 as it stands before what is counted.

    Args:
        number: 0 to 4.
        language: "en" or "zh".
    """
    return (_CHINESE if language == "zh" else _ENGLISH)[number]
