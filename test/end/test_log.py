"""The access log: one line an exchange, in three formats."""
import json
import re
import time

from harness import Case, lines_of, wait_for


class Log(Case):
    """One line an exchange, in three formats."""

    def logged(self, kind, *asks):
        path = self.dir / f"{kind}.log"
        server = self.serve("--workers", "1", "--log-format", kind, log=str(path))
        for ask in asks:
            server.ask(**ask)
        lines = lines_of(path, len(asks))
        self.assertEqual(len(lines), len(asks))
        return lines

    ASKS = (dict(target="/", fields=["User-Agent: probe/1", "Referer: http://r.example/"]),
            dict(target="/nowhere?q=1", method="HEAD"), dict(target="/echo", method="POST", body=b"abc"))

    def test_combined(self):
        lines = self.logged("combined", *self.ASKS)
        form = re.compile(r'127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] '
                          r'"([A-Z]+) (\S+) (HTTP/1\.1)" (\d{3}) (\d+|-) "([^"]*)" "([^"]*)"')
        found = [form.fullmatch(line) for line in lines]
        self.assertTrue(all(found), lines)
        self.assertEqual(found[0].group(1, 2, 4, 5, 6, 7), ("GET", "/", "200", "12", "http://r.example/", "probe/1"))
        self.assertEqual(found[1].group(1, 2, 4), ("HEAD", "/nowhere?q=1", "404"))
        self.assertEqual(found[2].group(1, 2, 4), ("POST", "/echo", "200"))

    def test_json(self):
        rows = [json.loads(line) for line in self.logged("json", *self.ASKS)]
        for row, (method, target, status) in zip(rows, (("GET", "/", 200), ("HEAD", "/nowhere?q=1", 404),
                                                        ("POST", "/echo", 200))):
            values = [str(v) for v in row.values()]
            self.assertIn(method, values)
            self.assertIn(str(status), values)
            self.assertIn(target, " ".join(values))

    def test_text(self):
        lines = self.logged("text", *self.ASKS)
        for line, words in zip(lines, (("GET", "/", "200"), ("HEAD", "/nowhere", "404"), ("POST", "/echo", "200"))):
            for word in words:
                self.assertIn(word, line)
            self.assertNotIn("\x1b", line)

    def test_standard_output(self):
        server = self.serve(log="-")
        server.ask("/")
        self.assertTrue(wait_for(lambda: "GET" in server.printed() + server.said()))

    def test_off(self):
        server = self.serve(log="off")
        server.ask("/")
        server.ask("/nowhere")
        time.sleep(0.2)
        self.assertNotIn("GET", server.printed() + server.said())

    def test_nobody_writes_lines_of_their_own(self):
        for kind in ("text", "combined", "json"):
            with self.subTest(kind):
                path = self.dir / f"{kind}.log"
                server = self.serve("--log-format", kind, log=str(path))
                server.ask('/%0a%1b[31m"\\', fields=['User-Agent: a"b\\c\x9b31m', "Referer: x\ty"])
                server.raw(b'GET /\x01 HTTP/1.1\r\n\r\n')
                server.ask("/")
                server.stop()
                text = path.read_bytes()
                self.assertGreaterEqual(text.count(b"\n"), 2)
                self.assertNotIn(b"\x1b", text)
                self.assertNotIn(b"\x9b", text)
                self.assertNotIn(b"\x01", text)
                if kind == "json":
                    for line in text.splitlines():
                        json.loads(line)

    def test_file_is_appended_to(self):
        path = self.dir / "a.log"
        path.write_text("before\n")
        server = self.serve("--log-format", "combined", log=str(path))
        server.ask("/")
        self.assertEqual(lines_of(path, 2)[0], "before")

    def test_all_lines_of_many_connections(self):
        path = self.dir / "many.log"
        server = self.serve("--workers", "4", "--log-format", "json", log=str(path))
        wires = [server.wire() for _ in range(50)]
        for n, wire in enumerate(wires):
            wire.send("".join(f"GET /?{n}.{m} HTTP/1.1\r\nHost: h\r\n\r\n" for m in range(20)))
        for wire in wires:
            for _ in range(20):
                wire.response()
        server.stop()
        lines = path.read_text().splitlines()
        self.assertEqual(len(lines), 1000)
        self.assertEqual(len({json.dumps(json.loads(line)).split("/?")[1].split('"')[0] for line in lines}), 1000)

    def test_file_that_cannot_be_written(self):
        got = self.tercet("serve", self.dir, "--access-log", self.dir / "no" / "such.log", "--listen",
                          "http://127.0.0.1:9")
        self.assertGreater(got.status, 0)
        self.assertIn("such.log", got.err)
