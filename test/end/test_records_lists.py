"""Lists of records: pages, filters, and what is no query."""
import json
import re
import urllib.parse

from h2raw import H2, headers, request, reset
from records_case import Keep


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
