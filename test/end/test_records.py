"""JSON records: added, replaced, changed and taken away, on every version; conditions; early data."""
import json
import os
import pty
import re
import subprocess
import threading
import urllib.parse

from h2raw import H2, headers, request, reset
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
<<<<<<< HEAD
=======

    def lines(self, log):
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


class Lists(Keep):
    def fill(self, server, n=25):
        for i in range(n):
            self.put(server, {"CustID": i, "Name": f"N{i % 5}", "Balance": i * 10, "open": i % 2 == 0}, status=201)

    def keys(self, server, query="", path="/customers"):
        """All of them, page after page."""
        found, address, pages = [], path + query, 0
        while address:
            got = self.get(server, address)
            found += [r["CustID"] for r in json.loads(got.text)]
            link = re.fullmatch(r'<(.*)>; rel="next"', got.get("link") or "")
            address = link and link[1]
            pages += 1
            self.assertLess(pages, 100)
        return found, pages

    def test_pages(self):
        server = self.keep(records="/customers:CustID:Name,Balance")
        self.assertEqual(json.loads(self.get(server, "/customers").text), [])
        self.fill(server)
        self.assertEqual(self.keys(server), (list(range(25)), 1))
        self.assertEqual(self.keys(server, "?limit=10"), (list(range(25)), 3))
        self.assertEqual(self.keys(server, "?limit=7&sort=-CustID"), (list(range(24, -1, -1)), 4))
        self.assertEqual(self.keys(server, "?limit=4&sort=-Balance")[0], list(range(24, -1, -1)))
        self.assertEqual(self.keys(server, "?limit=2&sort=Name&Balance=gt.200")[0], [21, 22, 23, 24])
        self.assertEqual(self.keys(server, "?Name=N3&limit=2")[0], [3, 8, 13, 18, 23])
        self.assertEqual(self.keys(server, "?Name=N3&open=true")[0], [8, 18])
        self.assertEqual(self.keys(server, "?Balance=ge.100&Balance=lt.130")[0], [10, 11, 12])
        self.put(server, {"CustID": "zz", "Name": "David Smith"}, status=201)
        self.assertEqual(self.keys(server, "?Name=David+Smith")[0], ["zz"])
        self.assertEqual(self.keys(server, "?Name=David%20Smith")[0], ["zz"])

    def test_what_is_no_query(self):
        server = self.keep()
        for query, words in (("limit=0", "limit"), ("limit=x", "limit"), ("limit=1001", "list_rows"), ("sort=a'b", "sort"),
                             ("a%27b=1", "letters"), ("a", "NAME=VALUE"), ("a=%zz", "hex"), ("after=", "after"), ("after=k", "cursor"),
                             ("after=x:1", "cursor"), ("x%5B0%5D=1", "letters"), ("$.a=1", "letters"),
                             ("&".join(f"a{i}=1" for i in range(9)), "8 filters")):
            with self.subTest(query):
                got = server.ask(f"/customers?{query}")
                if got.status == 400 and not got.get("content-type").startswith("application/problem"):
                    continue  # the target itself was refused
                self.problem(got, 400, words)

    def test_injection(self):
        """What would be SQL elsewhere is a value here, and finds nothing."""
        server = self.keep(records="/customers:CustID:Name")
        self.fill(server, 3)
        for text in ("' OR '1'='1", "1; DROP TABLE record;--", "\" OR 1=1", "x') OR (1=1", "N1'--", "\\", "%", "_", "N*"):
            with self.subTest(text):
                self.assertEqual(self.keys(server, "?Name=" + urllib.parse.quote(text))[0], [])
                self.get(server, "/customers/" + urllib.parse.quote(text, safe=""), 404)
        self.assertEqual(self.keys(server)[0], [0, 1, 2])

    def test_who_goes_while_a_list_waits(self):
        """What a list is asked with outlives who asked: two are made at a time, the others wait, and all streams are reset."""
        server = self.keep("--workers", "1")
        self.put(server, {"CustID": 0}, status=201)
        h2 = H2.connect(server.port)
        self.addCleanup(h2.close)
        streams = range(1, 41, 2)
        for stream in streams:
            h2.send(headers(stream, request(path=f"/customers?sort=-Name&Balance=gt.{stream}&Name=nobody")))
        h2.send(b"".join(map(reset, streams)))
        h2.close()
        self.assertEqual(self.keys(server), ([0], 1))
        server.stop()

    def test_large_pages_end_early(self):
        server = self.keep("--limit", "list_bytes=65536", "--limit", "record_bytes=65536")
        for i in range(6):
            self.put(server, {"CustID": i, "x": "y" * 30000}, status=201)
        self.assertEqual(self.keys(server), (list(range(6)), 3))


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
        server = self.keep("--limit", "store_held=4194304", "--workers", 1)
        amplified = b'{"CustID":1,"a":[' + b"{}," * 30000 + b"{}]}"  # 90 KB; ten megabytes when it is read
        got = self.put(server, amplified)
        self.assertEqual((got.status, got.get("retry-after"), json.loads(got.text)["limit"]), (503, "1", "store_held"))
        self.put(server, {"CustID": 1, "x": "y" * 400000}, status=201)
        wires = []
        for _ in range(12):
            wire = server.wire(seconds=30)
            wire.send(b"PUT /customers/requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n" + b" " * 900000)
            wires.append(wire)
        self.assertTrue(wait_for(lambda: self.put(server, {"CustID": 2, "x": "y" * 400000}).status == 503, 20))
        for wire in wires:
            wire.close()
        self.assertTrue(wait_for(lambda: self.put(server, {"CustID": 2, "x": "y" * 400000}).status in (200, 201), 20))
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
        wire = server.wire(seconds=30)
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
            wire = Wire(server.port, seconds=30)
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


class Durable(Keep):
    SECONDS = 120

    def test_an_end_in_the_middle(self):
        """Workers go while changes and looks are under way: nothing is used again, nothing is lost from memory."""
        for _ in range(4):
            server = self.keep("--limit", "record_cache=0")
            told = []
            threads = self.writers(server, 8, told)
            wires = [server.wire(seconds=20) for _ in range(8)]
            for wire in wires:
                wire.send(b"GET /customers/1000001 HTTP/1.1\r\nHost: x\r\n\r\n" * 200 + b"GET /customers?a=1 HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
            enough = len(told) + 30
            self.assertTrue(wait_for(lambda: len(told) > enough, 20))
            server.signal()
            for wire in wires:
                wire.close()
            self.assertEqual(server.wait(), 0, server.said())
            for t in threads:
                t.join()
            server.stop(check=False)
            server = self.keep()
            for key, body in told:
                self.assertEqual(self.get(server, f"/customers/{key}").body, body)
            server.stop()
            for path in self.dir.glob("records.db*"):
                path.unlink()

    def test_locked_by_another(self):
        """All who wait are told at once, not each after the patience for one; then it goes on."""
        server = self.keep("--workers", 1)
        self.put(server, {"CustID": 1}, status=201)
        other = sqlite3.connect(self.db, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        wires = [server.wire(seconds=100) for _ in range(40)]
        began = time.monotonic()
        for n, wire in enumerate(wires):
            wire.send(b"PUT /customers/%d HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}" % (n + 10))
        for wire in wires:
            self.assertEqual(wire.response().status, 503)
            self.get(server, "/customers/1")
        self.assertLess(time.monotonic() - began, 60)  # two batches; it would be 200 s one by one
        other.execute("ROLLBACK")
        self.put(server, {"CustID": 2}, status=201)
        self.assertEqual(server.said().count("tercet: the database of records fails: database is locked"), 1)
        self.assertTrue(wait_for(lambda: server.said().count("works again") == 1))

    def writers(self, server, count, told):
        """Threads that add records until the server is gone; told gets the acknowledged ones."""
        def write(n):
            i = 0
            try:
                wire = Wire(server.port, seconds=20)
                while True:
                    i += 1
                    body = json.dumps({"CustID": n * 1000000 + i, "x": "y" * random.randrange(2000)}).encode()
                    if wire.ask("/customers/requests", "PUT", [JSON], body).status == 201:
                        told.append((n * 1000000 + i, body))
            except (OSError, EOFError, AssertionError):
                pass
        threads = [threading.Thread(target=write, args=(n,)) for n in range(count)]
        for t in threads:
            t.start()
        return threads

    def test_kill_9(self):
        told = []
        for _ in range(4):
            server = self.keep()
            threads = self.writers(server, 8, told)
            enough = len(told) + 100
            wait_for(lambda: len(told) > enough, 20)
            server.proc.send_signal(signal.SIGKILL)
            server.proc.wait()
            for t in threads:
                t.join()
            server.stop(check=False)
            with sqlite3.connect(f"file:{self.db}?mode=ro", uri=True) as db:
                self.assertEqual(db.execute("PRAGMA integrity_check").fetchone()[0], "ok")
                kept = dict(db.execute("SELECT key, document FROM record"))
            for key, body in told:
                self.assertEqual(kept[key].encode(), body)
            for path in self.dir.glob("records.db*"):
                path.unlink()  # the next one begins with the same keys
            told.clear()

    @needs_mounts
    def test_full_disk(self):
        """507, reading goes on, and what was acknowledged is there."""
        small = self.dir / "small"
        small.mkdir()
        port = free_port()
        script = f'mount -t tmpfs -o size=3m none {small} && exec "$@"'
        err = open(self.dir / "err", "wb")
        proc = subprocess.Popen(["unshare", "--mount", "sh", "-c", script, "sh", str(PROGRAM), "serve", str(self.site()), "--listen", f"http://127.0.0.1:{port}",
                                 "--access-log", "off", "--records", "/customers:CustID", "--store", f"sqlite:{small}/r.db"],
                                stdin=subprocess.DEVNULL, stdout=err, stderr=err, env=environment(), preexec_fn=die_with_parent())
        self.addCleanup(lambda: (proc.kill(), proc.wait(), err.close()))
        wait_for(lambda: b"Ctrl-C ends" in (self.dir / "err").read_bytes(), 15)
        kept, full = [], 0
        with Wire(port, seconds=30) as wire:
            for i in range(400):
                got = wire.ask("/customers/requests", "PUT", [JSON], json.dumps({"CustID": i, "x": "y" * 20000}).encode())
                if got.status == 201:
                    kept.append(i)
                else:
                    self.problem(got, 507, "no room")
                    full += 1
                if full > 5:
                    break
            self.assertGreater(full, 5)
            self.assertGreater(len(kept), 10)
            for i in kept:
                self.assertEqual(wire.ask(f"/customers/{i}").status, 200)
            self.assertIn(wire.ask(f"/customers/{kept[0]}", "DELETE").status, (204, 507))


class Speed(Keep):
    def test_many_share_a_sync(self):
        """64 clients at once: far fewer syncs than writes. Counted by strace, not timed."""
        server = self.keep("--workers", 1)
        trace = self.dir / "trace"
        tracer = subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(trace), "-p", str(server.proc.pid)],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=die_with_parent())
        self.addCleanup(lambda: (tracer.kill(), tracer.wait(), tracer.stderr.close()))
        time.sleep(0.5)
        wires = [Wire(server.port, seconds=60) for _ in range(64)]
        for turn in range(10):
            for n, wire in enumerate(wires):
                body = json.dumps({"CustID": turn * 100 + n}).encode()
                wire.send(b"PUT /customers/requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            for wire in wires:
                self.assertEqual(wire.response().status, 201)
        for wire in wires:
            wire.close()
        tracer.terminate()  # before the server ends: it looks for leaks, which it cannot while it is traced
        tracer.wait(10)
        syncs = len(re.findall(rb"sync\(", trace.read_bytes()))
        self.assertGreater(syncs, 0)
        self.assertLess(syncs, 640 / 4)
        server.signal()
        server.wait()
        self.assertRegex(server.said(), r"records  640 writes in \d+ syncs")
>>>>>>> f7f70dd (records: what a list is asked with is its own: a client that went left the store reading freed memory)
