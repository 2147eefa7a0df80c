"""A server on the loopback address that answers as the Hugging Face hub does."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import constants

MAIN = "main"


class Hub:
    """Repositories of files by revision, and what was asked for."""

    def __init__(self) -> None:
        self.refs: dict[str, dict[str, str]] = {}  # of a repository: branch to commit
        self.files: dict[tuple[str, str], dict[str, bytes]] = {}
        self.gated: set[str] = set()
        self.offers: dict[str, list[dict]] = {}  # pull requests
        self.asked: list[str] = []
        self.port = 0

    def add(self, repo: str, files: Mapping[str, bytes], branch: str = MAIN) -> str:
        """Add a commit to a branch; return it."""
        commit = hashlib.sha1(repr((repo, sorted(files.items()))).encode()).hexdigest()
        self.refs.setdefault(repo, {})[branch] = commit
        self.files[repo, commit] = dict(files)
        return commit

    def add_folder(self, repo: str, folder: Path, **more: bytes) -> str:
        """Add the files of a folder."""
        return self.add(repo, {x.name: x.read_bytes() for x in folder.iterdir()} | more)

    def offer(self, repo: str, number: int, author: str, files: Mapping[str, bytes]) -> str:
        """Add an open pull request; return its commit."""
        self.offers.setdefault(repo, []).append(
            {
                "title": "Adding `safetensors` variant of this model",
                "status": "open",
                "num": number,
                "author": {"name": author},
                "isPullRequest": True,
                "repo": {"name": repo, "type": "model"},
                "createdAt": "2024-03-28T00:00:00.000Z",
            }
        )
        return self.add(repo, files, f"refs/pr/{number}")

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(hub: Hub) -> Iterator[ThreadingHTTPServer]:
    """Answer within the context."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `huggingface_hub` ask a hub, as ``HF_ENDPOINT`` does."""
    monkeypatch.setattr(constants, "ENDPOINT", hub.address)
    template = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(path)
        found = re.fullmatch(
            r"(?:/api/models/(?P<api>.+?)/(?P<what>revision|tree|discussions)(?:/(?P<at>.+))?"
            r"|/(?P<repo>.+?)/resolve/(?P<rev>refs/pr/\d+|[^/]+)/(?P<file>.+))",
            path,
        )
        repo = found and (found["api"] or found["repo"])
        if repo not in self.hub.refs:
            self._refuse(401, "RepoNotFound")
        elif repo in self.hub.gated:
            self._refuse(403, "GatedRepo")
        elif found["what"] == "discussions":
            offers = self.hub.offers.get(repo, [])
            self._json({"discussions": offers, "count": len(offers), "start": 0})
        else:
            self._revision(repo, found["at"] or found["rev"], found["what"], found["file"])

    def _revision(self, repo: str, at: str, what: str | None, file: str | None) -> None:
        commit = self.hub.refs[repo].get(at, at)
        files = self.hub.files.get((repo, commit))
        if files is None:
            self._refuse(404, "RevisionNotFound")
        elif what == "revision":
            self._json({"id": repo, "sha": commit, "siblings": [{"rfilename": x} for x in files]})
        elif what == "tree":
            self._json(
                [
                    {"type": "file", "path": x, "size": len(y), "oid": hashlib.sha1(y).hexdigest()}
                    for x, y in files.items()
                ]
            )
        elif file not in files:
            self._refuse(404, "EntryNotFound", {"X-Repo-Commit": commit})
        else:
            etag = hashlib.sha1(files[file]).hexdigest()
            self._answer(200, files[file], {"ETag": f'"{etag}"', "X-Repo-Commit": commit})

    def _json(self, value: object) -> None:
        self._answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int, code: str, headers: Mapping[str, str] | None = None) -> None:
        self._answer(status, b"{}", {"X-Error-Code": code, **(headers or {})})

    def _answer(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
