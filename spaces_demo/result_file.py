"""The whole result as JSON: what the page offers for download and what the API returns."""

import base64
import json
from html import escape
from typing import Any

from words import say


def result_dict(seen: Any, analyses: list[Any], model: str) -> dict[str, Any]:
    """Put a result together.

    Args:
        seen: The opened file and its faces.
        analyses: One analysis for each way in which the model was asked.
        model: Its name.

    Returns:
        Plain dicts, lists, strings and numbers: the first analysis's fields; `faces`, the stored face capture;
        `people`, the number of persons; `model`; and `compared_with`, the other analyses.
    """
    first, *others = (analysis.to_dict() for analysis in analyses)
    return {
        **first,
        "kind": seen.media.kind,
        "people": len(seen.capture.tracks),
        "faces": seen.capture.to_dict(),
        "model": model,
        "compared_with": others,
        "notice": say("notice", first["language"]),
    }


def download_html(result: dict[str, Any], language: str) -> str:
    """A link that saves the result; it lies in the page, not in a file of the server."""
    data = base64.b64encode(json.dumps(result, ensure_ascii=False, indent=1).encode()).decode()
    text = escape(say("download", language))
    return f'<a class="eq-download" download="emotion.json" href="data:application/json;base64,{data}">{text}</a>'
