"""One body of exchanges on every version, with our client and with curl: what either end is told must be
equal, but for what a version cannot carry. A new version is one more row of VERSIONS."""
import json
import os
import re

import pathlib
import shutil
import tempfile

from harness import Case, newer_programs

# name, scheme, our option, curl's, whether it knows Expect and content of unknown length
VERSIONS = [
    ("HTTP/1.1", "http", ["--http", "1.1"], ["--http1.1"], True),  # what the others are held against
    ("HTTP/1.0", "http", ["--http", "1.0"], ["--http1.0"], False),
    ("HTTP/2", "http", ["--http", "2"], ["--http2-prior-knowledge"], True),
    ("HTTP/2", "https", ["--http", "2", "-k"], ["--http2", "-k"], True),
    ("HTTP/1.1", "https", ["--http", "1.1", "-k"], ["--http1.1", "-k"], True),
    ("HTTP/3", "https", ["--http", "3", "-k"], ["--http3-only", "-k"], True),  # by a newer curl
]
NEWER = [row for row in VERSIONS if row[0] == "HTTP/3"]
OLDER = [row for row in VERSIONS if row not in NEWER]
BIG = os.urandom(1 << 20).hex().encode()  # text, 2 MB

# What no URL may have, and other clients send all the same; ours says so itself.
NO_URL = ["/%00", "/%zz", "/%", "/a|b", "/[a]", '/?q="a"']

# method, target, fields, content (None: none; "stream": BIG, of unknown length)
EXCHANGES = [
    ("GET", "/a.txt", [], None),
    ("HEAD", "/a.txt", [], None),
    ("OPTIONS", "/a.txt", [], None),
    ("GET", "/empty", [], None),
    ("GET", "/big", [], None),
    ("HEAD", "/big", [], None),
    ("GET", "/missing", [], None),
    ("HEAD", "/missing", [], None),
    ("GET", "/folder", [], None),
    ("GET", "/../a.txt", [], None),
    ("GET", "/%2e%2e/a.txt", [], None),
    *(("GET", target, [], None) for target in NO_URL),
    ("DELETE", "/a.txt", [], None),
    ("POST", "/a.txt", [], b"no"),
    ("FROB", "/a.txt", [], None),
    ("GET", "/" + "a" * 16000, [], None),
    ("GET", "/" + "a" * 17000, [], None),
    ("GET", "/a.txt", ["Range: bytes=2-5"], None),
    ("GET", "/a.txt", ["Range: bytes=-3"], None),
    ("GET", "/a.txt", ["Range: bytes=99-"], None),
    ("GET", "/a.txt", ["Range: bytes=0-1", 'If-Range: "no"'], None),
    ("GET", "/a.txt", ["If-None-Match: *"], None),
    ("HEAD", "/a.txt", ["If-None-Match: *"], None),
    ("GET", "/a.txt", ["If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"], None),
    ("GET", "/a.txt", ['If-Match: "no"'], None),
    ("GET", "/a.txt", ["Expect: magic"], None),
    ("GET", "/a.txt", [f"X-{n}: y" for n in range(124)], None),
    ("GET", "/a.txt", [f"X-{n}: y" for n in range(140)], None),
    ("GET", "/a.txt", ["X: " + "y" * 60000], None),
    ("GET", "/a.txt", ["X: " + "y" * 66000], None),  # more than curl can say in HTTP/2
    ("GET", "/missing", ["Accept: application/json"], None),
    ("GET", "/missing", ["Accept: text/html"], None),
    ("GET", "/echo?a=1&b=%20", [], None),
    ("GET", "/echo", ["Cookie: a=1; b=2", "X-Empty;", "X-Twice: 1", "X-Twice: 2", "Authorization: Basic eA=="], None),
    ("POST", "/echo", [], b"content"),
    ("POST", "/echo", [], b""),
    ("PUT", "/echo", ["Content-Type: application/json"], b'{"a": 1}'),
    ("PATCH", "/echo", [], BIG),
    ("POST", "/echo", [], "stream"),
    ("POST", "/echo", ["Expect: 100-continue"], b"content"),
]
OF_THE_WIRE = ("date", "connection", "transfer-encoding", "keep-alive", "strict-transport-security", "alt-svc")


class Versions(Case):
    SECONDS = 600

    def setUp(self):
        super().setUp()
        files = {"a.txt": "from tercet\n", "empty": "", "big": BIG, "folder": None}
        self.plain = self.serve(files=files)
        self.secure = self.serve(root=self.dir / "site", listen=["https://127.0.0.1:{port}"],
                                 env={"XDG_STATE_HOME": str(self.dir)})
        self.newer = []  # what a newer curl is run by
        self.room = self.there = self.dir  # files of an exchange: where we find them, where curl does
        for path in ("a.txt", "empty", "big"):
            os.utime(self.dir / "site" / path, (1_700_000_000, 1_700_000_000))

    def use_newer_curl(self):
        tree, reason = newer_programs()
        if reason:
            self.skipTest(reason)
        self.room = pathlib.Path(tempfile.mkdtemp(prefix="tercet-test.", dir=tree / "tmp"))
        self.addCleanup(shutil.rmtree, self.room, True)
        self.newer, self.there = ["chroot", tree], "/tmp/" + self.room.name

    def server(self, scheme):
        return self.secure if scheme == "https" else self.plain

    def neutral(self, status, fields, body, scheme, target, method):
        """An answer without what differs by right: the wire's own fields, and in what an echo or an error
        page says of the request, version, scheme and port."""
        kept = sorted((n.lower(), v) for n, v in fields if n.lower() not in OF_THE_WIRE)
        if target.startswith("/echo") and status == 200:
            kept = [(n, v) for n, v in kept if n != "content-length"]
            said = json.loads(body)
            said = {n: v for n, v in said.items() if n not in ("version", "scheme", "authority")}
            # each version says in its own way that content comes, and how
            said["fields"] = sorted((f["name"].lower(), f["value"]) for f in said["fields"]
                                    if f["name"].lower() not in ("host", "connection", "transfer-encoding", "expect"))
            body = said
        else:
            body = re.sub(rb"(127\.0\.0\.1|localhost):\d+", b"HERE", body)
        return status, kept, body

    def by_curl(self, row, exchange):
        name, scheme, _, option, _ = row
        method, target, fields, content = exchange
        head = self.room / "head"
        args = [*option, "--path-as-is", "--globoff", "-o", f"{self.there}/body", "-D", f"{self.there}/head", "-w", "%{http_version} %{http_code}"]
        args += ["-I"] if method == "HEAD" else ["-X", method]
        if target.startswith("/echo"):
            args += ["-H", "Accept: application/json"]
        for field in fields:
            args += ["-H", field]
        if content == "stream":
            args += ["-T", "-"]
        elif content is not None:
            (self.room / "given").write_bytes(content)
            args += ["--data-binary", f"@{self.there}/given"]
        if content is not None and not any(f.startswith("Expect") for f in fields):
            args += ["-H", "Expect:"]
        (self.room / "body").unlink(missing_ok=True)
        got = self.other(*self.newer, "curl", "-sS", "--max-time", 60, "--noproxy", "*", *args, f"{scheme}://127.0.0.1:{self.server(scheme).port}{target}",
                         stdin=BIG if content == "stream" else None)
        self.assertEqual(got.status, 0, (row, exchange[:2], got.err[-300:]))
        version, status = got.out.decode().split()
        self.assertEqual(f"HTTP/{version}", {"HTTP/1.0": "HTTP/1.1", "HTTP/2": "HTTP/2", "HTTP/3": "HTTP/3"}.get(name, "HTTP/1.1"))
        last = [part for part in head.read_bytes().split(b"\r\n\r\n") if part][-1].decode("latin-1")
        lines = [line.partition(":") for line in last.split("\r\n")[1:]]
        body = (self.room / "body").read_bytes() if (self.room / "body").exists() and method != "HEAD" else b""
        return self.neutral(int(status), [(n, v.strip()) for n, _, v in lines], body, scheme, target, method)

    def by_ours(self, row, exchange):
        name, scheme, option, _, _ = row
        method, target, fields, content = exchange
        items = [f if f.endswith(";") else f.replace(": ", ":", 1) for f in fields]
        if target.startswith("/echo"):
            items.append("Accept:application/json")
        if content is not None:
            items += ["--data", "-" if content == "stream" else f"@{self.dir / 'given'}"]
            (self.dir / "given").write_bytes(BIG if content == "stream" else content)
        got = self.tercet("get", f"{scheme}://127.0.0.1:{self.server(scheme).port}{target}", *items, *option, "--json",
                          stdin=BIG if content == "stream" else None, seconds=300)
        self.assertEqual(got.status, 0, (row, exchange[:2], got.err[-500:]))
        told = json.loads(got.out)["exchanges"][0]
        self.assertEqual(told["request"]["version"], name)
        answer = told["response"]
        self.assertTrue(answer["complete"])
        self.assertEqual(answer["trailers"], [])
        body = answer["body"]["data"].encode()
        if answer["body"]["truncated"]:
            body = (answer["body"]["length"], body)
            self.assertNotEqual(target, "/echo")
            return answer["status"], sorted((f["name"].lower(), f["value"]) for f in answer["fields"]
                                            if f["name"].lower() not in OF_THE_WIRE), body
        return self.neutral(answer["status"], [(f["name"], f["value"]) for f in answer["fields"]], body, scheme, target, method)

    @staticmethod
    def label(exchange):
        return exchange[0], exchange[1][:40], str(exchange[2])[:60]

    def play(self, how, exchanges, versions=VERSIONS):
        for exchange in exchanges:
            rows = [row for row in versions if row[4] or exchange[3] != "stream" and "Expect" not in str(exchange[2])]
            wanted = how(rows[0], exchange)
            for row in rows[1:]:
                with self.subTest(exchange=self.label(exchange), version=row[:2]):
                    self.assertEqual(how(row, exchange), wanted)

    def test_curl(self):
        self.play(self.by_curl, [e for e in EXCHANGES if not any(len(f) > 65536 for f in e[2])], OLDER)

    def test_newer_curl(self):
        self.use_newer_curl()
        self.play(self.by_curl, [e for e in EXCHANGES if not any(len(f) > 65536 for f in e[2])], [VERSIONS[0], *NEWER])

    def test_ours(self):
        mine = [e for e in EXCHANGES if e[0] == ("GET" if e[3] is None else "POST") and e[1].find("..") < 0 and e[1] not in NO_URL]
        self.play(self.by_ours, mine)

    def test_ours_is_what_curl_is_told(self):
        for exchange in [e for e in EXCHANGES if e[0] == "GET" and e[1] in ("/a.txt", "/missing") and len(str(e[2])) < 100]:
            for row in OLDER:
                with self.subTest(exchange=self.label(exchange), version=row[:2]):
                    ours, theirs = self.by_ours(row, exchange), self.by_curl(row, exchange)
                    self.assertEqual(ours, theirs)
