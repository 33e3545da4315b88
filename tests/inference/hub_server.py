"""The Hub, as far as its client's HTTP goes, on this machine: it keeps what is uploaded."""

import base64
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_of_these_tests"


class HubServer(ThreadingHTTPServer):
    """Answers the requests by which a repository is made and a folder is uploaded to it.

    Attributes:
        created: Body of the request that made each repository, by its id.
        files: Content of the uploaded files, by repository and name.
        messages: Of the commits.
        refusal: Status and text of every answer, if it refuses all.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.created: dict[str, dict] = {}
        self.files: dict[str, dict[str, bytes]] = {}
        self.messages: list[str] = []
        self.refusal: tuple[int, str] | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> "HubServer":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.shutdown()
        self.server_close()

    def create(self, asked: dict) -> tuple[int, dict]:
        repository = f"{asked['organization']}/{asked['name']}"
        address = {"url": f"{self.address}/{repository}"}
        if repository in self.created:
            return 409, address | {"error": "You already created this model repo"}
        self.created[repository] = asked
        return 200, address

    def commit(self, repository: str, lines: list[dict]) -> tuple[int, dict]:
        for line in lines:
            if line["key"] == "header":
                self.messages.append(line["value"]["summary"])
            else:
                content = base64.b64decode(line["value"]["content"])
                self.files.setdefault(repository, {})[line["value"]["path"]] = content
        return 200, {"commitOid": "0" * 40, "commitUrl": f"{self.address}/{repository}/commit/{'0' * 40}"}


class _Handler(BaseHTTPRequestHandler):
    server: HubServer

    def do_GET(self) -> None:
        self._send(404, {"error": "Not found"})

    def do_POST(self) -> None:
        self._send(*self._answer(self._body()))

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def _answer(self, body: bytes) -> tuple[int, dict]:
        if self.server.refusal is not None:
            status, text = self.server.refusal
            return status, {"error": text}
        if self.headers["authorization"] != f"Bearer {TOKEN}":
            return 401, {"error": "Invalid username or password."}
        if self.path == "/api/repos/create":
            return self.server.create(json.loads(body))
        uploaded = re.fullmatch(r"/api/models/(?P<repository>.+)/(?P<step>preupload|commit)/main", self.path)
        if uploaded is None:
            return 200, {"errors": [], "warnings": []}  # of the card's header
        if uploaded["step"] == "commit":
            return self.server.commit(uploaded["repository"], [json.loads(line) for line in body.splitlines()])
        names = [file["path"] for file in json.loads(body)["files"]]
        return 200, {"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]}

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _send(self, status: int, content: dict[str, Any]) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
