"""Both ends against programs that nobody here wrote: python's http.server and http.client, curl, wrk."""
import functools
import http.client
import http.server
import json
import os
import re
import threading

from harness import EXAMPLE, Case


class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    closes = False

    def log_message(self, *_):
        pass

    def do_POST(self):
        if "chunked" in (self.headers.get("Transfer-Encoding") or ""):
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = json.dumps({"method": self.command, "length": len(body), "type": self.headers.get("Content-Type")}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_PUT = do_PATCH = do_DELETE = do_POST


class PythonServer(Case):
    """`tercet get` and python's server."""

    def setUp(self):
        super().setUp()
        self.root = self.site({"a.txt": "from python", "sub/index.html": "sub", "big.bin": os.urandom(3_000_000)})
        handler = functools.partial(Quiet, directory=str(self.root))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def test_gets(self):
        for version in ("1.1", "1.0"):
            got = self.tercet("get", "--http", version, self.url + "/a.txt", self.url + "/big.bin")
            self.assertEqual((got.status, got.out), (0, b"from python" + (self.root / "big.bin").read_bytes()))

    def test_follows(self):
        got = self.tercet("get", "--follow", self.url + "/sub")
        self.assertEqual((got.status, got.out), (0, b"sub"), got)

    def test_sends(self):
        for method in ("post", "put", "patch", "delete"):
            got = self.tercet(method, self.url + "/x", "a=b", "n:=1")
            self.assertEqual(json.loads(got.text)["length"], len(b'{"a":"b","n":1}'), got)
        got = self.tercet("post", self.url + "/x", f"@{self.root}/big.bin")
        self.assertEqual(json.loads(got.text)["length"], 3_000_000)

    def test_heads(self):
        got = self.tercet("head", "-v", self.url + "/a.txt")
        self.assertEqual(got.status, 0, got)
        self.assertIn("Content-Length: 11", got.err + got.text)


class PythonClient(Case):
    """`tercet serve` and python's client."""

    def setUp(self):
        super().setUp()
        self.server = self.serve(files={"index.html": "home", "big.bin": os.urandom(3_000_000)})
        self.client = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        self.addCleanup(self.client.close)

    def ask(self, *args, **how):
        self.client.request(*args, **how)
        answer = self.client.getresponse()
        return answer, answer.read()

    def test_many_on_one_connection(self):
        for _ in range(50):
            answer, body = self.ask("GET", "/")
            self.assertEqual((answer.status, body), (200, b"home"))
        sock = self.client.sock
        self.assertEqual(self.ask("HEAD", "/")[0].status, 200)
        self.assertIs(self.client.sock, sock)
        self.assertEqual(self.ask("GET", "/nowhere")[0].status, 404)
        self.assertEqual(len(self.ask("GET", "/big.bin")[1]), 3_000_000)
        self.assertEqual(self.ask("POST", "/", body=b"x" * 1000)[0].status, 405)
        self.assertEqual(self.ask("GET", "/")[1], b"home")

    def test_chunked_upload(self):
        answer, body = self.ask("POST", "/echo", body=iter([b"abc" * 1000, b"def" * 1000]), encode_chunked=True,
                                headers={"Transfer-Encoding": "chunked", "Accept": "application/json"})
        self.assertEqual(answer.status, 200)
        self.assertIn("6000", body.decode())


class Itself(Case):
    """Both ends are ours."""

    def test_every_version(self):
        server = self.serve(files={"index.html": "home", "big.bin": os.urandom(2_000_000)})
        for version in ("0.9", "1.0", "1.1"):
            got = self.tercet("get", "--http", version, server.url + "/", server.url + "/big.bin")
            self.assertEqual((got.status, got.out), (0, b"home" + (self.dir / "site/big.bin").read_bytes()), version)

    def test_every_method_at_the_echo(self):
        server = self.serve()
        for method in ("get", "post", "put", "patch", "delete"):
            got = self.tercet(method, server.url + "/echo", "Accept:application/json", *(() if method == "get" else ("a=b",)))
            self.assertEqual(got.status, 0, got)
            self.assertEqual(json.loads(got.text)["method"], method.upper())

    def test_shrunk_file_is_reported(self):
        """What the server cuts off, the client calls cut off."""
        root = self.site()
        with open(root / "big.bin", "wb") as out:
            out.truncate(512 << 20)
        server = self.serve(root=root)
        timer = threading.Timer(0.05, lambda: os.truncate(root / "big.bin", 1000))
        timer.start()
        self.addCleanup(timer.cancel)
        got = self.tercet("get", "-o", "/dev/null", server.url + "/big.bin")
        self.assertIn(got.status, (0, 18, 56))  # 0: it was faster than the timer
        server.stop()


class Wrk(Case):
    """A load generator for a bounded time: nothing is timed here, but nothing may fail."""
    SECONDS = 600

    def load(self, server, path="/", *more, connections=64):
        got = self.other("wrk", "-t1", f"-c{connections}", "-d4s", "--timeout", "60s", *more, server.url + path, seconds=300)
        self.assertEqual(got.status, 0, got)
        self.assertNotIn("Non-2xx", got.text)
        self.assertNotRegex(got.text, r"Socket errors: connect [1-9]")
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", got.text)
        if errors:
            self.assertEqual(set(errors.groups()), {"0"}, got.text)
        requests = int(re.search(r"(\d+) requests in", got.text)[1])
        self.assertGreater(requests, 10, got.text)
        return requests

    def test_small_large_and_echo(self):
        server = self.serve("--workers", "2", files={"index.html": "x" * 612, "100k.bin": os.urandom(100_000),
                                                     "1m.bin": os.urandom(1_000_000)})
        for path in ("/", "/100k.bin", "/1m.bin", "/echo"):
            self.load(server, path)
        self.assertAlive(server)

    def test_many_connections(self):
        self.load(self.serve(), connections=512)

    def test_pipelined(self):
        script = self.dir / "pipe.lua"
        script.write_text("init = function() local t = {} for i = 1, 16 do t[i] = wrk.format() end req = table.concat(t) end\n"
                          "request = function() return req end\n")
        self.load(self.serve(), "/", "-s", script)

    def test_log_has_a_line_for_each(self):
        path = self.dir / "log"
        server = self.serve("--log-format", "combined", "--workers", "2", log=str(path))
        requests = self.load(server)
        server.stop()
        with open(path, "rb") as log:
            lines = sum(1 for _ in log)
        self.assertGreaterEqual(lines, requests)
        self.assertLessEqual(lines, requests + 200)


class Curl(Case):
    def setUp(self):
        super().setUp()
        self.server = self.serve("--language", "en", root=EXAMPLE)

    def test_versions(self):
        for option in ("--http1.0", "--http1.1", "--http2"):
            got = self.curl(option, "-o", "/dev/null", "-w", "%{http_code} %{content_type}", self.server.url + "/test.html")
            self.assertEqual((got.status, got.text), (0, "200 text/html; charset=utf-8"), got)

    def test_connection_is_reused(self):
        got = self.curl("-v", *[self.server.url + "/test.html"] * 3)
        self.assertEqual(got.status, 0)
        self.assertEqual(len(re.findall("Re-using existing (?:http: )?connection", got.err)), 2, got.err[-2000:])

    def test_head_and_conditions(self):
        tag = re.search(r"(?im)^etag: (.*)\r$", self.curl("-I", self.server.url + "/").text)[1]
        got = self.curl("-H", f"If-None-Match: {tag}", "-o", "/dev/null", "-w", "%{http_code} %{size_download}", self.server.url + "/")
        self.assertEqual(got.text, "304 0")

    def test_trace_is_not_an_echo(self):
        got = self.curl("-X", "TRACE", "-o", "/dev/null", "-w", "%{http_code}", self.server.url + "/")
        self.assertIn(got.text, ("405", "501"))
