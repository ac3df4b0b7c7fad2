"""Local HTTP servers: one that speaks enough of the Hub for its client, and one of plain files."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Server:
    """Answers on ``port`` (0: a free one) until `stop`."""

    def __init__(self, handler: type[BaseHTTPRequestHandler], port: int = 0) -> None:
        #: "METHOD path" of every request so far.
        self.requests: list[str] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (handler,), {"owner": self}))
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def stop(self) -> None:
        if self.thread.is_alive():
            self.http.shutdown()
            self.http.server_close()
            self.thread.join()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Any

    def parse_request(self) -> bool:
        parsed = super().parse_request()
        self.owner.requests.append(f"{self.command} {getattr(self, 'path', '')}")
        return parsed

    def log_message(self, *args: Any) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", length: int | None = None, **headers: str) -> None:
        """Answer; with a ``length`` beyond the body's, the connection is cut after the body."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("Connection", "close")  # a client must not go on with a server that was stopped
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.close_connection = True


@dataclass
class Repo:
    #: Commit to its files.
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    token: str | None = None
    gated: bool = False

    @property
    def head(self) -> str:
        return list(self.commits)[-1]

    def commit(self, **files: bytes) -> str:
        """Add files, whose names are given with ``__`` for a dot; returns the new commit."""
        content = {**(self.commits[self.head] if self.commits else {})}
        content |= {name.replace("__", "."): data for name, data in files.items()}
        sha = hashlib.sha1(repr((len(self.commits), sorted(content.items()))).encode()).hexdigest()
        self.commits[sha] = content
        return sha


class HubHandler(Handler):
    def do_GET(self) -> None:
        parts = self.path.strip("/").split("/")
        if "resolve" not in parts:
            return self.answer(404)
        name, revision, file = "/".join(parts[:2]), parts[3], "/".join(parts[4:])
        repo = self.owner.repos.get(name)
        if repo is None or (repo.token and self.headers.get("Authorization") != f"Bearer {repo.token}"):
            return self.answer(401, X_Error_Code="RepoNotFound")
        if repo.gated:
            return self.answer(403, X_Error_Code="GatedRepo")
        sha = repo.head if revision == "main" else revision
        if sha not in repo.commits:
            return self.answer(404, X_Error_Code="RevisionNotFound")
        body = repo.commits[sha].get(file)
        if body is None:
            return self.answer(404, X_Error_Code="EntryNotFound", X_Repo_Commit=sha)
        headers = {"ETag": f'"{hashlib.sha256(body).hexdigest()}"', "X_Repo_Commit": sha}
        if self.command == "GET" and file in self.owner.cut:
            if self.owner.cut[file]:
                return self.answer(503)
            self.owner.cut[file] = True
            return self.answer(200, body[: len(body) // 2], length=len(body), **headers)
        self.answer(200, body, **headers)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[1:] == ["repos", "create"]:
            request = json.loads(body)
            name = f"{request['organization']}/{request['name']}" if request.get("organization") else request["name"]
            status = 409 if name in self.owner.repos else 200
            repo = self.owner.repos.setdefault(name, Repo())
            if not repo.commits:
                repo.commit(__gitattributes=b"")
            return self.json({"url": f"{self.owner.url}/{name}"}, status)
        if parts[1:] == ["validate-yaml"]:
            return self.json({"errors": [], "warnings": []})
        name = "/".join(parts[2:4])
        if parts[4] == "preupload":
            files = json.loads(body)["files"]
            modes = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]
            return self.json({"files": modes})
        lines = [json.loads(line) for line in body.splitlines()]
        self.owner.messages.append(lines[0]["value"]["summary"])
        files = {
            line["value"]["path"].replace(".", "__"): base64.b64decode(line["value"]["content"])
            for line in lines
            if line["key"] == "file"
        }
        sha = self.owner.repos[name].commit(**files)
        url = f"{self.owner.url}/{name}"
        answer = {"success": True, "commitOid": sha, "commitUrl": f"{url}/commit/{sha}"}
        if "create_pr=1" in self.path:
            answer["pullRequestUrl"] = f"{url}/discussions/1"
        self.json(answer)

    def json(self, value: Any, status: int = 200) -> None:
        self.answer(status, json.dumps(value).encode(), Content_Type="application/json")


class Hub(Server):
    """A Hub with repositories in memory, where `conftest` makes the Hub's client look for it."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        #: Files whose first download is cut in the middle; after that the server fails.
        self.cut: dict[str, bool] = {}
        #: Messages of the commits that were pushed.
        self.messages: list[str] = []
        super().__init__(HubHandler, int(os.environ["HF_ENDPOINT"].rpartition(":")[2]))


class FileHandler(Handler):
    def do_GET(self) -> None:
        file = self.path.strip("/")
        if file not in self.owner.files:
            return self.answer(404)
        body = self.owner.files[file]
        cut = len(body) // 2 if file in self.owner.cut else len(body)
        self.answer(200, body[:cut], length=len(body))


class FileServer(Server):
    """Serves ``files``; those in ``cut`` break off in the middle."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()
        super().__init__(FileHandler)


@contextmanager
def running(server: Any) -> Iterator[Any]:
    try:
        yield server
    finally:
        server.stop()
