"""Bad input for records: what is said of it, and what it may cost."""
import json
import threading
import time

from harness import Wire, sanitized, wait_for
from records_case import JSON, MERGE, PATCH, Keep


class BadInput(Keep):
    def test_what_a_program_is_told(self):
        """Where it is wrong, and which limit was passed, as members of the problem (RFC 9457, 3.2)."""
        server = self.keep("--limit", "record_bytes=1000", "--limit", "patch_operations=3", "--limit", "list_bytes=65536")
        self.put(server, {"CustID": 1}, status=201)

        def told(content=b"", fields=JSON, method="PUT", path="/customers/requests"):
            said = json.loads(server.ask(path, method, [fields], content).text)
            return said.get("line"), said.get("column"), said.get("limit")

        self.assertEqual(told(b'{"CustID":1,\n "a":}'), (2, 6, None))
        self.assertEqual(told(b'{"a":' + b"[" * 70), (1, 69, "json_depth"))
        self.assertEqual(told(b'{"a":"' + b"x" * 2000), (None, None, "record_bytes"))
        self.assertEqual(told(b'{"CustID":"' + b"x" * 300 + b'"}'), (None, None, "record_key"))
        many = b"[" + b'{"op":"test","path":"/CustID","value":1},' * 3 + b'{"op":"test","path":"/CustID","value":1}]'
        self.assertEqual(told(many, PATCH, "PATCH", "/customers/1"), (None, None, "patch_operations"))
        self.assertEqual(told(b'{"a":"' + b"x" * 985 + b'"}', MERGE, "PATCH", "/customers/1"), (None, None, "record_bytes"))
        self.assertEqual(told(b'[{"op":"test","path":"/x (json_depth)","value":1}]', PATCH, "PATCH", "/customers/1"), (None, None, None))
        self.assertEqual(told(method="GET", path="/customers?limit=1001"), (None, None, "list_rows"))
        self.assertEqual(told(method="GET", path="/customers/" + "x" * 257), (None, None, "record_key"))
        server.signal()
        server.wait()
        for limit, times in (("record_bytes", 2), ("json_depth", 1), ("patch_operations", 1), ("record_key", 2), ("list_rows", 1)):
            self.assertRegex(server.said(), rf"limit {limit} reached {times} time")

    def test_a_part_is_not_put(self):
        """RFC 9110, 9.3.4: it would become the whole."""
        server = self.keep()
        self.problem(self.put(server, {"CustID": 1}, "Content-Range: bytes 0-11/100"), 400, "Content-Range")
        self.get(server, "/customers/1", 404)

    def test_what_all_hold(self):
        """Bodies, what they are as JSON, and answers nobody reads are bounded together; then 503, and room again."""
        server = self.keep("--limit", "store_held=4194304", "--limit", "body_grace_ms=3600000", "--workers", 1)
        amplified = b'{"CustID":1,"a":[' + b"{}," * 30000 + b"{}]}"  # 90 KB; ten megabytes when it is read
        got = self.put(server, amplified)
        self.assertEqual((got.status, got.get("retry-after"), json.loads(got.text)["limit"]), (503, "1", "store_held"))
        self.put(server, {"CustID": 1, "x": "y" * 400000}, status=201)
        wires = []
        for _ in range(12):
            wire = server.wire(seconds=60)
            try:
                wire.send(b"PUT /customers/requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n" + b" " * 900000)
            except OSError:
                pass  # one that is refused
            wires.append(wire)
        self.assertTrue(wait_for(lambda: self.put(server, {"CustID": 2, "x": "y" * 400000}).status == 503))
        for wire in wires:
            wire.close()
        self.assertTrue(wait_for(lambda: self.put(server, {"CustID": 2, "x": "y" * 400000}).status in (200, 201)))
        self.assertEqual(len(json.loads(self.get(server, "/customers").text)), 2)
        page = self.get(server, "/customers", 200, "Accept: text/html")
        self.assertIn("/customers/2", page.text)
        server.signal()
        server.wait()
        self.assertRegex(server.said(), "limit store_held reached")

    def test_patches_that_dig(self):
        """Each copy doubles the depth: half a million levels would be more than a stack has."""
        server = self.keep()
        self.put(server, {"CustID": 1, "a": []}, status=201)
        operations, depth = [], 1
        while depth < 200000:
            operations.append({"op": "copy", "from": "/a", "path": "/a" + "/0" * (depth - 1) + "/-"})
            depth *= 2
        self.problem(server.ask("/customers/1", "PATCH", [PATCH], json.dumps(operations).encode()), 413, "json_depth")
        self.assertEqual(json.loads(self.get(server, "/customers/1").text), {"CustID": 1, "a": []})

    def test_content(self):
        server = self.keep()
        deep = b'{"CustID":1,"a":' + b"[" * 10000 + b"]" * 10000 + b"}"
        for content, status, words in (
                (b"", 400, "no content"), (deep, 400, "json_depth"), (b'{"CustID":1,"CustID":2}', 400, "duplicate"),
                (b'{"CustID":1,"a":1e999999}', 400, "line 1, column"), (b'{"CustID":1,"a":"\\ud800"}', 400, "Unicode"),
                ('{“CustID”:1}'.encode(), 400, "straight quotes"), (b'"CustID":1', 400, "begin with {"), (b"[1]", 422, "object"),
                (b'{"CustID":1,\n "a":}', 400, "line 2, column"), (b'{"CustID":1}x', 400, "column"), (b'{"CustID":123456789012345678901}', 400, "integer"),
                (b"\xff\xfe{}", 400, "line 1"), (b'{"CustID":1,"a":"' + b"x" * (1 << 20) + b'"}', 413, "record_bytes")):
            with self.subTest(content[:40]):
                self.problem(self.put(server, content), status, words)
        self.assertEqual(json.loads(self.get(server, "/customers").text), [])
        self.put(server, {"CustID": 1, "__proto__": {"x": 1}, "constructor": None}, status=201)

    def test_types(self):
        server = self.keep()
        for fields, words in (([], "needs a Content-Type"), (["Content-Type: text/plain"], "application/json"),
                              (["Content-Type: application/json; charset=iso-8859-1"], "UTF-8"),
                              ([JSON, "Content-Encoding: gzip"], "codings")):
            self.problem(server.ask("/customers/requests", "PUT", fields, b'{"CustID":1}'), 415, words)
        for kind in ("application/json; charset=utf-8", 'application/json;charset="UTF-8"', "Application/JSON", "application/vnd.x+json"):
            self.assertIn(server.ask("/customers/requests", "PUT", [f"Content-Type: {kind}"], b'{"CustID":1}').status, (200, 201), kind)

    def test_cut_off(self):
        """Nothing of a body that does not come whole is stored."""
        server = self.keep()
        for head in (b"Content-Length: 50\r\n\r\n" + b'{"CustID":1}', b'Transfer-Encoding: chunked\r\n\r\nc\r\n{"CustID":1}\r\n'):
            wire = server.wire()
            wire.send(b"PUT /customers/requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + head)
            time.sleep(0.1)
            wire.close()
        self.assertEqual(json.loads(self.get(server, "/customers").text), [])

    def test_large_and_slow_to_hash(self):
        """A hundred thousand members, and 100 MB: in time, within memory."""
        server = self.keep("--limit", "record_bytes=4194304")
        many = ("{\"CustID\":1," + ",".join(f'"k{i}":0' for i in range(100000)) + "}").encode()
        self.put(server, many, status=201)
        before = server.memory()
        wire = server.wire(seconds=60)
        wire.send(b"PUT /customers/requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
        try:
            for _ in range(100):
                wire.send(chunk)
        except OSError:
            pass  # it had heard enough
        self.assertEqual(self.get(server, "/customers/1").body, many)
        if not sanitized():
            self.assertLess(server.memory() - before, 64 << 20)

    def test_early_data_and_proxies(self):
        """What may be a replay never writes (RFC 8470, 5.1)."""
        server = self.keep()
        got = self.put(server, {"CustID": 1}, "Early-Data: 1")
        self.assertEqual(got.status, 425, got)
        self.get(server, "/customers/1", 404)

    def test_options(self):
        for options, words in ((("--records", "customers"), "a path and the member"), (("--records", "/c:"), "a path and the member"),
                               (("--records", "c:Id"), "begins with /"), (("--records", "/c:I d"), "key's name"), (("--records", "/c:Id:a b"), "members have"),
                               (("--records", "/c:Id", "--records", "/c/d:Id"), "another collection"), (("--store", "sqlite:x"), "needs records"),
                               (("--records", "/c:Id", "--records-requests", "a/b"), "one name"),
                               (("--records", "/c:Id", "--records-requests", "form", "--form", "/c:Name"), "where form is")):
            got = self.tercet("serve", *options)
            self.assertEqual(got.status, 2, got)
            self.assertIn(words, got.err)
        self.db.write_bytes(b"x" * 10000)
        got = self.tercet("serve", "--records", "/c:Id", "--store", f"sqlite:{self.db}")
        self.assertEqual(got.status, 74, got)
        self.assertIn("file is not a database", got.err)
        self.assertEqual(self.tercet("serve", "--records", "/c:Id", "--store", "mysql:x").status, 74)

    def test_too_many_wait(self):
        server = self.keep("--limit", "store_waiting=1", "--workers", 1)
        statuses = []

        def write(n):
            wire = Wire(server.port, seconds=60)
            for i in range(40):
                got = wire.ask("/customers/requests", "PUT", [JSON], json.dumps({"CustID": n * 1000 + i}).encode())
                statuses.append(got.status)
                if got.status == 503:
                    self.assertEqual(got.get("retry-after"), "1")
            wire.close()

        threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(len(statuses), 320)
        self.assertEqual(len(json.loads(self.get(server, "/customers?limit=1000").text)), statuses.count(201))
        server.stop()
