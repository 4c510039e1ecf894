"""`--http all`: one request by every version, side by side."""
import json
import re

from harness import Peer, answers, free_port, needs_quic
from test_tls import Tls


class All(Tls):
    def ask(self, url, *options, command="get", status=0):
        ca = ("--cacert", self.ca) if self.ca.exists() else ()
        got = self.tercet(command, "--http", "all", *ca, url, *options, env=self.env)
        self.assertEqual(got.status, status, got)
        return got

    def rows(self, got):
        """What stands in the table behind each version."""
        return dict(re.findall(r"(?m)^  (HTTP/\S+) +(.*)$", got.text))

    @needs_quic
    def test_secure(self):
        server = self.secure()
        got = self.ask(f"https://localhost:{server.port}/small")
        rows = self.rows(got)
        self.assertEqual(list(rows), ["HTTP/0.9", "HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"])
        self.assertEqual(rows["HTTP/0.9"], "not sent: it is for clear text")
        heads = {}
        for version in ("HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"):
            cells = re.fullmatch(r"(\S+ m?s) +(\S+ m?s) +(\S+ m?s) +(\d+) B +(\d+) B +(\d+) % +none  200 OK", rows[version])
            self.assertTrue(cells, rows)
            heads[version] = int(cells[6])
            self.assertGreater(int(cells[5]), 612)
        self.assertEqual(heads["HTTP/1.1"], 100)
        self.assertTrue(0 < heads["HTTP/2"] < 95 and 0 < heads["HTTP/3"] < 95, heads)
        self.assertIn("A browser takes HTTP/2 at first", got.text)
        self.assertIn(f"HTTP/3 from the next visit on, since Alt-Svc offers h3 at :{server.port} for 86400 s", " ".join(got.text.split()))
        sentence = got.text[got.text.index("  A browser"):].splitlines()
        self.assertGreater(len(sentence), 1)
        for line in sentence:
            self.assertTrue(line.startswith("  ") and len(line) <= 72, line)

    @needs_quic
    def test_without_quic(self):
        server = self.secure("--no-quic", "--limit", "header_ms=30000")
        got = self.ask(f"https://127.0.0.1:{server.port}/small")
        self.assertTrue(self.rows(got)["HTTP/3"].startswith("no: could not connect"), got)
        self.assertIn("A browser takes HTTP/2 at first", got.text)
        self.assertIn("it stays so, since there was no Alt-Svc.", " ".join(got.text.split()))

    @needs_quic
    def test_clear_text(self):
        server = self.serve(files=self.files)
        got = self.ask(server.url + "/small")
        rows = self.rows(got)
        self.assertTrue(rows["HTTP/0.9"].endswith("(no status)"), got)
        for version in ("HTTP/1.0", "HTTP/1.1", "HTTP/2"):
            self.assertTrue(rows[version].endswith("200 OK"), got)
        self.assertEqual(rows["HTTP/3"], "not sent: it is for https:// alone")
        heads = [x["response"] for x in json.loads(self.ask(server.url + "/small", "--json").out)["exchanges"]]
        self.assertEqual([x["status"] for x in heads], [None, 200, 200, 200])
        self.assertIn("A browser takes HTTP/1.1 at first", got.text)

    def test_with_content(self):
        server = self.serve()
        for content in (("hello=you",), ("--data", "some text")):
            got = self.ask(server.url + "/echo", *content, "--json", command="post")
            asked = json.loads(got.out)["exchanges"]
            self.assertEqual([x["request"]["version"] for x in asked], ["HTTP/1.0", "HTTP/1.1", "HTTP/2"])
            self.assertEqual([x["response"]["status"] for x in asked], [200] * 3)
        streamed = self.tercet("post", "--http", "all", "--json", "--data", "-", server.url + "/echo", stdin=b"x" * 100_000)
        self.assertEqual([x["request"]["content_bytes"] for x in json.loads(streamed.out)["exchanges"]], [100_000] * 3)
        self.assertIn("not sent: it knows only GET and a path", self.ask(server.url + "/", "X-A:b").text)

    def test_a_server_of_one_version(self):
        peer = Peer(self, answers(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi"))
        got = self.ask(peer.url + "/", "X-A:b")
        rows = self.rows(got)
        self.assertTrue(rows["HTTP/1.1"].endswith("gzip  200 OK"), got)
        self.assertTrue(rows["HTTP/2"].startswith("no: "), got)

    def test_nobody_there(self):
        got = self.ask(f"http://127.0.0.1:{free_port()}/", status=7)
        self.assertEqual(got.text.count("no: could not connect (127.0.0.1:"), 4, got)
        self.assertIn("A browser would get no answer", got.text)

    def test_several_and_wrong_use(self):
        server = self.serve(files=self.files)
        got = self.ask(server.url + "/small", server.url + "/nowhere")
        self.assertEqual((got.text.count("200 OK"), got.text.count("404 Not Found")), (3, 3), got)
        self.assertEqual(self.ask(server.url + "/nowhere", "--fail", status=22).text.count("404 Not Found"), 3)
        self.assertIn("-o has no use", self.ask(server.url, "-o", "x", status=2).err)
        self.assertEqual(self.ask("http://a b/", status=3).out, b"")
