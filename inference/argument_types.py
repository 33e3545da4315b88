"""What arguments of the command are read as; argparse tells the user where one doesn't fit."""

import argparse
import json
from typing import Any


def positive(text: str) -> int:
    """Read a whole number from 1 on."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return value


def part_of(text: str) -> tuple[int, int]:
    """Read I/N: the part I, from 0 on, of N."""
    index, slash, count = text.partition("/")
    if not (slash and index.isdigit() and count.isdigit() and int(index) < int(count)):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N with I from 0 to N - 1")
    return int(index), int(count)


def setting(text: str) -> tuple[str, Any]:
    """Read NAME=VALUE: the value as JSON where it is (a number, true, false), else as a word."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
