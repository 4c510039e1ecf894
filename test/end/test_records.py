"""JSON records: added, replaced, changed and taken away, on every version; conditions; early data."""
import json
import os
import pty
import re
import subprocess
import threading
import urllib.parse

from harness import PROGRAM, Wire, environment, lines_of, needs_quic
from records_case import JSON, MERGE, PATCH, Keep
from test_h3 import Quic


class Records(Keep):
    def test_a_put_looks_up_then_adds_or_replaces(self):
        server = self.keep()
        first = self.put(server, {"CustID": 100, "Name": "David Smith"}, status=201)
        self.assertEqual(first.get("location"), "/customers/100")
        self.assertRegex(first.get("etag"), r'^"[0-9a-f]+-[0-9a-f]+"$')
        document = b'{ "CustID" : 100,\n "Name":"David Smith", "n": 1.10 }'  # kept as it came
        second = self.put(server, document, status=200)
        self.assertEqual(second.body, document)
        self.assertNotIn("location", second)
        self.assertEqual(second.get("content-location"), "/customers/100")
        self.assertNotEqual(second.get("etag"), first.get("etag"))
        got = self.get(server, "/customers/100")
        self.assertEqual(got.body, document)
        self.assertEqual(got.get("etag"), second.get("etag"))
        self.assertEqual(got.get("last-modified"), second.get("last-modified"))
        self.assertEqual(got.get("content-type"), "application/json")
        self.assertEqual(server.ask("/customers/100", "HEAD").get("content-length"), str(len(document)))
        self.assertEqual(server.ask("/customers/100", "DELETE").status, 204)
        self.problem(server.ask("/customers/100"), 404, "no such record")
        self.problem(server.ask("/customers/100", "DELETE"), 404, "no such record")
        again = self.put(server, {"CustID": 100}, status=201)
        self.assertNotIn(again.get("etag"), (first.get("etag"), second.get("etag")))

    def test_with_our_client(self):
        server = self.keep()
        where = f":{server.port}/customers/requests"
        for address, status in (("123 Bank Street", "201 Created"), ("9 New Road", "200 OK")):
            got = self.tercet("put", "-v", where, "CustID:=100", "Name=David Smith", f"Address={address}")
            self.assertEqual(got.status, 0, got)
            self.assertIn(status, got.err)
            self.assertEqual(json.loads(got.out), {"CustID": 100, "Name": "David Smith", "Address": address})

    def test_the_picture(self):
        """On a terminal: what became of it, where it is, and the version that the next change can name."""
        server = self.keep()
        for status in (r"201 Created .*-> /customers/100 ", "200 OK "):
            main, other = pty.openpty()
            proc = subprocess.Popen([PROGRAM, "put", f":{server.port}/customers/requests", "CustID:=100", "Name=David Smith"], stdin=subprocess.DEVNULL,
                                    stdout=other, stderr=other, env={**environment(), "COLUMNS": "160", "NO_COLOR": "1"})
            os.close(other)
            said = b""
            try:
                while data := os.read(main, 4096):
                    said += data
            except OSError:
                pass  # the other end is closed
            os.close(main)
            self.assertEqual(proc.wait(120), 0)
            self.assertRegex(said.decode(), r'3 response +' + status + r'.*ETag "[0-9a-f]+-[0-9a-f]+"')

    def test_our_client_patches(self):
        """Members to be changed are a merge patch, unless it is said otherwise."""
        server = self.keep()
        self.put(server, {"CustID": 1, "Name": "x", "City": "Rome"}, status=201)
        got = self.tercet("patch", f":{server.port}/customers/1", "Name=y", "City:=null")
        self.assertEqual((got.status, json.loads(got.out)), (0, {"CustID": 1, "Name": "y"}), got)
        got = self.tercet("patch", f":{server.port}/customers/1", "Name=z", "Content-Type:application/json")
        self.assertIn("a patch is application/merge-patch+json", got.text)

    def test_by_address(self):
        server = self.keep()
        self.put(server, {"CustID": 7, "a": 1}, path="/customers/7", status=201)
        self.problem(self.put(server, {"CustID": 8}, path="/customers/7"), 409, "another one than the address")
        got = self.put(server, {"a": 2}, path="/customers/7", status=200)  # the key comes from the address
        self.assertEqual(json.loads(got.text), {"a": 2, "CustID": 7})
        self.assertNotIn("etag", got)  # it is not stored as it came (RFC 9110, 9.3.4)
        self.assertEqual(self.get(server, "/customers/7").body, got.body)
        self.put(server, {"CustID": "7"}, path="/customers/7", status=200)

    def test_keys(self):
        """Numbers or texts, and 100 and "100" are one."""
        server = self.keep()
        self.put(server, {"CustID": 100}, status=201)
        self.put(server, {"CustID": "100"}, status=200)
        for key in ("a b", "é", "a/b", "100%", "?", "#", "..a", "a'b", "x" * 256, "-5", "007", "Requests", "__proto__"):
            with self.subTest(key):
                made = self.put(server, {"CustID": key}, status=201)
                self.assertEqual(made.get("location"), "/customers/" + urllib.parse.quote(key, safe="-._~"))
                self.assertEqual(json.loads(self.get(server, made.get("location")).text), {"CustID": key})
        for key, words in ((None, "integer or a string"), (True, "integer or a string"), (1.5, "integer or a string"),
                           ([], "integer or a string"), ("", "not empty"), ("requests", "resource of requests"),
                           (".", "cannot be keys"), ("..", "cannot be keys"), ("a\nb", "control"), ("x" * 257, "too long")):
            with self.subTest(key):
                self.problem(self.put(server, {"CustID": key}), 422, words)
        self.problem(self.put(server, {"Name": 1}), 422, "has no key")
        self.assertEqual(server.ask("/customers/a/b").status, 404)
        self.assertEqual(server.ask("/customers/" + "x" * 257).status, 404)

    def test_methods(self):
        server = self.keep()
        self.put(server, {"CustID": 1}, status=201)
        for path, allow in (("/customers", "GET, HEAD, POST, OPTIONS"), ("/customers/requests", "PUT, OPTIONS"),
                            ("/customers/1", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS")):
            options = server.ask(path, "OPTIONS")
            self.assertEqual((options.status, options.get("allow")), (204, allow))
            for method in ("GET", "PUT", "POST", "PATCH", "DELETE", "TRACE"):
                if method not in allow:
                    got = server.ask(path, method)
                    self.assertEqual((got.status, got.get("allow")), (405, allow), (path, method))
        self.assertIn("application/json-patch+json", server.ask("/customers/1", "OPTIONS").get("accept-patch"))
        self.assertEqual(server.ask("/customersx").status, 404)

    def test_made_keys(self):
        server = self.keep()
        self.put(server, {"CustID": 41}, status=201)
        got = server.ask("/customers", "POST", [JSON], b'{"Name":"x"}')
        self.assertEqual((got.status, got.get("location")), (201, "/customers/42"))
        self.assertEqual(json.loads(self.get(server, "/customers/42").text), {"Name": "x", "CustID": 42})
        self.assertEqual(self.get(server, "/customers/42").get("etag"), got.get("etag"))
        named = server.ask("/customers", "POST", [JSON], b'{"CustID":"abc"}')
        self.assertEqual((named.status, named.get("location")), (201, "/customers/abc"))
        self.problem(server.ask("/customers", "POST", [JSON], b'{"CustID":"abc"}'), 409, "already")

    def test_patches(self):
        server = self.keep()
        self.put(server, {"CustID": 1, "Name": "x", "list": [1, 2]}, status=201)
        got = server.ask("/customers/1", "PATCH", [MERGE], b'{"Name":null,"Address":{"City":"Rome"}}')
        self.assertEqual(got.status, 200, got)
        self.assertEqual(json.loads(got.text), {"CustID": 1, "list": [1, 2], "Address": {"City": "Rome"}})
        self.assertEqual(self.get(server, "/customers/1").get("etag"), got.get("etag"))
        got = server.ask("/customers/1", "PATCH", [PATCH],
                         b'[{"op":"test","path":"/list/0","value":1},{"op":"add","path":"/list/-","value":3},'
                         b'{"op":"move","from":"/Address/City","path":"/City"}]')
        self.assertEqual(json.loads(got.text), {"CustID": 1, "list": [1, 2, 3], "Address": {}, "City": "Rome"})
        before = self.get(server, "/customers/1")
        for content, fields, status, words in (
                (b'[{"op":"remove","path":"/City"},{"op":"test","path":"/list/0","value":9}]', PATCH, 409, "operation 1: the test fails"),
                (b'[{"op":"remove","path":"/none"}]', PATCH, 409, "nothing at: /none"),
                (b'[{"op":"frob","path":"/none"}]', PATCH, 400, "no such operation"),
                (b'{"CustID":2}', MERGE, 409, "cannot change the key"),
                (b'{"CustID":null}', MERGE, 409, "cannot change the key"),
                (b'[{"op":"replace","path":"","value":[1]}]', PATCH, 409, "a record is an object"),
                (b'[1]', MERGE, 400, "merge patch"),
                (b'{"a":', MERGE, 400, "line 1"),
                (b'[' + b'{"op":"copy","from":"/list","path":"/list/-"},' * 900 + b'{"op":"copy","from":"/list","path":"/list/-"}]', PATCH, 413, "too large")):
            with self.subTest(content[:60]):
                self.problem(server.ask("/customers/1", "PATCH", [fields], content), status, words)
        after = self.get(server, "/customers/1")  # all or nothing
        self.assertEqual((after.body, after.get("etag")), (before.body, before.get("etag")))
        got = server.ask("/customers/1", "PATCH", [JSON], b"{}")
        self.assertIn("merge-patch", self.problem(got, 415, "a patch is").get("accept-patch"))
        self.problem(server.ask("/customers/2", "PATCH", [MERGE], b"{}"), 404, "no such record")

    def test_conditions(self):
        server = self.keep()
        first = self.put(server, {"CustID": 1, "v": 1}, "If-None-Match: *", status=201)
        got = self.problem(self.put(server, {"CustID": 1, "v": 9}, "If-None-Match: *"), 412, "another version")
        self.assertEqual(got.get("etag"), first.get("etag"))
        second = self.put(server, {"CustID": 1, "v": 2}, f"If-Match: {first.get('etag')}", status=200)
        got = self.problem(self.put(server, {"CustID": 1, "v": 3}, f"If-Match: {first.get('etag')}"), 412, "another version")
        self.assertEqual(got.get("etag"), second.get("etag"))
        self.problem(self.put(server, {"CustID": 2}, "If-Match: *"), 412, "no such record")
        self.put(server, {"CustID": 1, "v": 4}, f'If-Match: "x", {second.get("etag")}', status=200)
        self.problem(self.put(server, {"CustID": 1}, f"If-Match: W/{second.get('etag')}"), 412, "another version")
        now = self.get(server, "/customers/1").get("etag")
        self.problem(server.ask("/customers/1", "DELETE", ['If-Match: "x"']), 412, "another version")
        self.problem(server.ask("/customers/1", "PATCH", [MERGE, 'If-Match: "x"'], b"{}"), 412, "another version")
        old = "If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT"
        self.problem(server.ask("/customers/1", "DELETE", [old]), 412, "another version")
        self.assertEqual(server.ask("/customers/1", "GET", [f"If-None-Match: {now}"]).status, 304)
        self.assertEqual(server.ask("/customers/1", "GET", [f"If-Match: {now}"]).status, 200)
        self.assertEqual(server.ask("/customers/1", "GET", ['If-Match: "x"']).status, 412)
        self.assertEqual(server.ask("/customers/1", "DELETE", [f"If-Match: {now}"]).status, 204)

    def test_conditions_asked_for(self):
        server = self.keep("--records-conditional", "--records-requests", "ask")
        made = self.put(server, {"CustID": 1}, path="/customers/ask", status=201)
        for method, fields in (("PUT", [JSON]), ("PATCH", [MERGE]), ("DELETE", [])):
            body = b'{"CustID":1}' if method == "PUT" else b"{}" if method == "PATCH" else b""
            self.problem(server.ask("/customers/1", method, fields, body), 428, "If-Match")
        self.put(server, {"CustID": 1}, f"If-Match: {made.get('etag')}", path="/customers/1", status=200)
        self.put(server, {"CustID": "requests"}, path="/customers/requests", status=201)  # a key as others

    def test_one_of_many_wins(self):
        """The same If-Match from 1,000 writers, on many connections and workers."""
        server = self.keep("--workers", 2)
        tag = self.put(server, {"CustID": 1, "v": 0}, status=201).get("etag")
        statuses = []

        def write(n):
            wire = Wire(server.port, seconds=60)
            for i in range(50):
                body = json.dumps({"CustID": 1, "v": n * 100 + i}).encode()
                statuses.append(wire.ask("/customers/1", "PUT", [JSON, f"If-Match: {tag}"], body).status)
            wire.close()

        threads = [threading.Thread(target=write, args=(n,)) for n in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(len(statuses), 1000)
        self.assertEqual((statuses.count(200), statuses.count(412)), (1, 999))

    @needs_quic
    def test_one_of_many_streams_wins(self):
        """The same If-Match on streams of HTTP/2 and 3, and on connections of HTTP/1, all at once."""
        server = self.keep("--workers", 2, listen=["http://127.0.0.1:{port}", "https://127.0.0.1:0"], env={"XDG_STATE_HOME": str(self.dir)})
        secure = re.search(r"https://127.0.0.1:(\d+)", server.said())[1]
        tag = self.put(server, {"CustID": 1, "v": 0}, status=201).get("etag")
        statuses = []

        def write(version, n):
            url = f"https://127.0.0.1:{secure}/customers/1"
            got = self.tercet("put", "--http", version, "-k", "--json", *[url] * 20, f"If-Match:{tag}", "CustID:=1", f"v:={n}")
            statuses.extend(x["response"]["status"] for x in json.loads(got.out)["exchanges"])

        threads = [threading.Thread(target=write, args=(version, n)) for n, version in enumerate(("2", "3", "1.1", "2", "3"))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual((statuses.count(200), statuses.count(412)), (1, 99))

    @needs_quic
    def test_every_version(self):
        """The same on each version, with our client and, where it can, with curl."""
        server = self.keep(listen=["http://127.0.0.1:{port}", "https://127.0.0.1:0"], env={"XDG_STATE_HOME": str(self.dir)})
        secure = re.search(r"https://127.0.0.1:(\d+)", server.said())[1]
        key = 0
        for scheme, port, version, curl in (("http", server.port, "1.0", "--http1.0"), ("http", server.port, "1.1", "--http1.1"),
                                            ("http", server.port, "2", "--http2-prior-knowledge"), ("https", secure, "1.1", "--http1.1"),
                                            ("https", secure, "2", "--http2"), ("https", secure, "3", None)):
            with self.subTest(f"{scheme} {version}"):
                key += 1
                where = f"{scheme}://127.0.0.1:{port}/customers"
                ask = ("--http", version, "-k", "--json")
                for status in (201, 200):
                    got = self.tercet("put", *ask, f"{where}/requests", f"CustID:={key}", "Name=x")
                    exchange = json.loads(got.out)["exchanges"][0]
                    self.assertEqual(exchange["response"]["status"], status, got)
                got = self.tercet("get", "--http", version, "-k", f"{where}/{key}")
                self.assertEqual(json.loads(got.out), {"CustID": key, "Name": "x"})
                if curl:
                    got = self.other("curl", "-sk", curl, "-X", "PATCH", "-H", MERGE, "-d", '{"Name":"y"}', "-w", "%{http_code}", f"{where}/{key}")
                    self.assertTrue(got.out.endswith(b"200"), got)
                got = self.tercet("delete", "--http", version, "-k", "--json", f"{where}/{key}")
                self.assertEqual(json.loads(got.out)["exchanges"][0]["response"]["status"], 204, got)

    def test_several_collections_and_a_restart(self):
        server = self.keep("--records", "/shop/orders:No")
        self.put(server, {"CustID": 1}, status=201)
        self.put(server, {"No": "A-1"}, path="/shop/orders/requests", status=201)
        tag = self.get(server, "/shop/orders/A-1").get("etag")
        self.get(server, "/customers/A-1", 404)
        server.stop()
        server = self.keep("--records", "/shop/orders:No")
        self.assertEqual(self.get(server, "/shop/orders/A-1").get("etag"), tag)
        self.assertIn(f"records  /shop/orders by No, in sqlite:{self.db}", server.said())
        self.assertEqual(self.get(server, "/").text, "<p>home</p>\n")  # files are there, too

    def test_pages_for_people(self):
        server = self.keep()
        self.put(server, {"CustID": 1, "Name": "<script>alert(1)</script>", "o": {"a": ["&"]}}, status=201)
        page = self.get(server, "/customers", 200, "Accept: text/html,*/*;q=0.8")
        self.assertIn('<a href="/customers/1">1</a>', page.text)
        self.assertIn("&lt;script&gt;", page.text)
        self.assertNotIn("<script>", page.text)
        self.assertIn("Accept", page.get("vary"))
        page = self.get(server, "/customers/1", 200, "Accept: text/html")
        self.assertIn("&lt;script&gt;", page.text)
        self.assertNotIn("etag", page)
        self.assertIn("default-src 'none'", page.get("content-security-policy"))
        self.assertEqual(self.get(server, "/customers/1", 200, "Accept: application/json").get("content-type"), "application/json")


@needs_quic
class Early(Quic):
    """What comes as early data (0-RTT) may be somebody's replay: it reads and never writes (RFC 8470)."""

    def test_it_never_writes(self):
        log = self.dir / "log"
        server = self.secure("--early-data", "--log-format", "json", "--records", "/customers:CustID", "--store", f"sqlite:{self.dir}/r.db", log=str(log))
        state = ("--session-file", self.dir / "session", "--tp-file", self.dir / "tp")
        url = f"https://localhost:{server.port}/customers/1"
        put = ("put", "--http", "3", "--cacert", self.ca, "--fail", url, "CustID:=1")
        self.assertEqual(self.tercet(*put, env=self.env).status, 0)
        seen = lines_of(log, 1)

        def ask(method, *options):
            self.gtlsclient(server, "/customers/1", options=("-q", *state, "-m", method, "--wait-for-ticket", *options))
            seen[:] = lines_of(log, len(seen) + 1)  # what was there before, and this one
            line = json.loads(seen[-1])
            return line["status"], line.get("early", False)

        self.assertEqual(ask("GET"), (200, False))
        self.assertEqual(ask("GET"), (200, True))
        self.assertEqual(ask("DELETE"), (425, True))
        self.assertEqual(ask("GET"), (200, True))
        self.assertEqual(ask("DELETE", "--disable-early-data"), (204, False))
        self.assertEqual(ask("GET"), (404, True))
