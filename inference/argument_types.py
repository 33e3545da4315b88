"""Types of the command's arguments, for argparse, which reports a value that does not fit."""

import argparse
import json
from typing import Any


def positive(text: str) -> int:
    """Read a positive whole number."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return value


def part_of(text: str) -> tuple[int, int]:
    """Read I/N as (I, N): part I, counted from 0, of N."""
    index, slash, count = text.partition("/")
    if not (slash and index.isdigit() and count.isdigit() and int(index) < int(count)):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N with I from 0 to N - 1")
    return int(index), int(count)


def setting(text: str) -> tuple[str, Any]:
    """Read NAME=VALUE: the value as JSON if it is JSON (a number, true, false), otherwise as a word."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
