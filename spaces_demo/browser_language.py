"""Which language the page is in: Chinese where the browser is set to any kind of it, English elsewhere.

Gradio goes by `navigator.language` before any script that it was given has run. It knows Chinese as zh-CN and zh-TW
alone, so that Hong Kong's browsers would get English, and in any third language it would mix its own words with ours.
"""

from typing import Any

from starlette.datastructures import MutableHeaders

_SCRIPT = b"""<script>
Object.defineProperty(navigator, "language", { value: navigator.language.startsWith("zh") ? "zh-CN" : "en" });
</script>"""


class PageLanguage:
    """Middleware (ASGI) that has the page choose among its two languages first thing.

    Args:
        app: The application that it stands before.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request as the application does, the script at the head of its page."""
        is_page = False

        async def send_with_script(message: Any) -> None:
            nonlocal is_page
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                is_page = headers.get("content-type", "").startswith("text/html")
                if is_page:
                    del headers["content-length"]
            elif is_page and message["type"] == "http.response.body":
                message["body"] = message.get("body", b"").replace(b"<head>", b"<head>" + _SCRIPT, 1)
            await send(message)

        await self.app(scope, receive, send_with_script)
