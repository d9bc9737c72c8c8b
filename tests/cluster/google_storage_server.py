"""A stand-in for Google Cloud Storage: the part of its JSON API that Arrow's client uses, for one bucket in memory.

A process of its own, because Arrow holds the GIL during some requests. It prints its port and ends with its stdin.
"""

import json
import re
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

BUCKET = "/storage/v1/b/bucket"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go in two writes
    objects: ClassVar[dict[str, tuple[bytes, str]]] = {}
    uploads: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        path, query = self.target()
        name = path.removeprefix(f"{BUCKET}/o/")
        if path == BUCKET:
            self.reply({"name": "bucket", "timeCreated": now(), "updated": now()})
        elif path == f"{BUCKET}/o":
            self.reply({"items": self.listing(query["prefix"], query.get("delimiter"))})
        elif name not in self.objects or query.get("generation", self.generation(name)) != self.generation(name):
            self.reply({"error": {"code": 404, "message": "not found"}}, 404)
        elif query.get("alt") == "media":
            self.reply_media(self.objects[name][0])
        else:
            self.reply(self.resource(name))

    def do_POST(self) -> None:
        path, query = self.target()
        if path == "/reset":
            self.objects.clear()
        self.reply({}, location=f"http://{self.headers['Host']}/session?{urlencode(query)}")

    def do_PUT(self) -> None:
        name = self.target()[1]["name"]
        sent, _, total = self.headers["Content-Range"].removeprefix("bytes ").partition("/")
        before = b"" if sent.startswith("0-") else self.uploads.pop(name, b"")
        content = before + self.rfile.read(int(self.headers["Content-Length"]))
        if total == "*":  # more follows: nothing to see until the size is known
            self.uploads[name] = content
            self.reply({}, 308, range=f"bytes=0-{len(content) - 1}")
        else:
            self.objects[name] = (content, now())
            self.reply(self.resource(name))

    def do_DELETE(self) -> None:
        name = self.target()[0].removeprefix(f"{BUCKET}/o/")
        self.reply({}, 204 if self.objects.pop(name, None) else 404)

    def target(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        return unquote(parts.path), dict(parse_qsl(parts.query))

    def listing(self, prefix: str, delimiter: str | None) -> list[dict[str, str]]:
        names = sorted(name for name in self.objects if name.startswith(prefix))
        return [self.resource(name) for name in names if not delimiter or delimiter not in name[len(prefix) :]]

    def generation(self, name: str) -> str:
        return re.sub(r"\D", "", self.objects[name][1])[2:]

    def resource(self, name: str) -> dict[str, str]:
        content, written = self.objects[name]
        numbers = {"size": str(len(content)), "generation": self.generation(name), "metageneration": "1"}
        return {"bucket": "bucket", "name": name, "timeCreated": written, "updated": written, **numbers}

    def reply_media(self, content: bytes) -> None:
        first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        end = min(int(last) + 1, len(content)) if last else len(content)
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Range", f"bytes {first}-{end - 1}/{len(content)}")
        self.finish_reply(content[int(first) : end])

    def reply(self, body: dict[str, object], status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.finish_reply(b"" if status in (204, 308) else json.dumps(body).encode())

    def finish_reply(self, content: bytes) -> None:
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()
