"""--admin: the counts are those of what clients did, to the last one, on every version; the page is one that
Prometheus reads (text exposition format 0.0.4), told by a strict reader of it here."""
import math
import re
import ssl
import time

from harness import needs_quic, wait_for
from test_tls import Tls

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{NAME}=\"(?:[^\"\\\n]|\\[\\\"n])*\",?)*)\}})? (\S+)")


def read_page(text):
    """{(name, labels): value}, with every rule of the format held to: one block a family, HELP and TYPE before its
    samples, no series twice, counters named so, buckets that rise to the count."""
    if not text.endswith("\n"):
        raise AssertionError("the last line does not end")
    series, types, family = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family, said = line[7:].split(" ", 1)
            assert said and family not in types, line
            types[family] = None
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            assert name == family and types[family] is None and kind in ("counter", "gauge", "histogram"), line
            types[family] = kind
            assert name.endswith("_total") == (kind == "counter"), line
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            labels = tuple(sorted(re.findall(rf"({NAME})=\"((?:[^\"\\]|\\.)*)\"", match[2] or "")))
            base = re.sub("_(bucket|sum|count)$", "", match[1]) if types.get(family) == "histogram" else match[1]
            assert base == family and types[family], line
            assert len({n for n, _ in labels}) == len(labels), line
            assert (match[1], labels) not in series, line
            value = float(match[3])
            assert math.isfinite(value) and value >= 0, line
            series[match[1], labels] = value
    for (name, labels), count in series.items():
        if name.endswith("_count"):
            buckets = [(float(dict(l)["le"]), v) for (n, l), v in series.items()
                       if n == name[:-6] + "_bucket" and set(labels) <= set(l)]
            assert buckets == sorted(buckets) and [v for _, v in buckets] == sorted(v for _, v in buckets), name
            assert buckets[-1] == (math.inf, count), name
    return series


class Admin(Tls):
    SECONDS = 600

    def counting(self, *options, **how):
        server = self.secure("--admin", "http://127.0.0.1:0", *options, **how)
        self.admin = re.search(r"admin +(http://127\.0\.0\.1:\d+)/metrics", server.said())[1]
        return server

    def page(self):
        got = self.curl("-i", f"{self.admin}/metrics")
        self.assertEqual(got.status, 0, got)
        head, _, body = got.text.replace("\r\n", "\n").partition("\n\n")
        self.assertIn("200 OK", head)
        self.assertIn("text/plain; version=0.0.4", head)
        return read_page(body)

    def value(self, page, name, **labels):
        """The sum of what has these labels."""
        return sum(v for (n, l), v in page.items() if n == name and set(labels.items()) <= set(l))

    def settled(self):
        """The page when no connection is open any more, by what every worker says: a slow one says what it said before."""
        def look():
            page = self.page()
            return page if not self.value(page, "tercet_connections_open") and not self.value(page, "tercet_workers_silent") else None
        page = wait_for(look, every=0.1)
        self.assertTrue(page, "connections stay open")
        return page

    def test_h1_and_h2_to_the_last_one(self):
        server = self.counting("--workers", 2, listen=["http://127.0.0.1:{port}"])
        before = self.value(self.settled(), "tercet_connections_total", transport="tcp")
        for args, requests in ((("--h1", "-c", 5), 500), (("-c", 3, "-m", 7), 700)):
            got = self.other("h2load", "-n", requests, *args, f"{server.url}/small")
            self.assertIn(f"{requests} succeeded", got.text)
        for target, times in (("/small", 3), ("/none", 4)):
            for _ in range(times):
                self.assertEqual(self.curl("-o", "/dev/null", server.url + target).status, 0)
        self.assertEqual(self.curl("-I", server.url + "/").status, 0)
        self.assertEqual(self.curl("-X", "POST", "-o", "/dev/null", server.url + "/").status, 0)
        page = self.settled()
        self.assertEqual(self.value(page, "tercet_exchanges_total", version="2"), 700)
        for labels, count in (({"version": "1.1", "method": "GET", "status": "200"}, 503),
                              ({"version": "1.1", "method": "GET", "status": "404"}, 4),
                              ({"version": "1.1", "method": "HEAD", "status": "200"}, 1),
                              ({"version": "1.1", "method": "POST", "status": "405"}, 1),
                              ({"version": "2", "method": "GET", "class": "2xx"}, 700)):
            self.assertEqual(self.value(page, "tercet_exchanges_total", **labels), count, labels)
        self.assertEqual(self.value(page, "tercet_exchanges_total"), 1209)
        self.assertEqual(self.value(page, "tercet_exchange_seconds_count"), 1209)
        self.assertEqual(self.value(page, "tercet_connections_total", transport="tcp") - before, 5 + 3 + 9)
        self.assertEqual(self.value(page, "tercet_connections_version_total", version="2"), 3)
        self.assertGreater(self.value(page, "tercet_sent_bytes_total"), 612 * 1203)
        self.assertEqual(self.value(page, "tercet_workers"), 2)
        self.assertEqual(self.value(page, "tercet_limit", limit="header_ms"), 10000)

    def test_bytes_are_those_on_the_wire(self):
        server = self.counting(listen=["http://127.0.0.1:{port}"])
        before = self.settled()
        request = b"GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        got = server.raw(request)
        page = self.settled()
        for name, count in (("received", len(request)), ("sent", len(got))):
            name = f"tercet_{name}_bytes_total"
            self.assertEqual(self.value(page, name) - self.value(before, name), count, name)

    def test_tls_and_handshakes(self):
        server = self.counting()
        before = self.settled()
        context = self.context()
        first = self.connect(server, context)
        self.talk(first)
        second = self.connect(server, context, session=first.session)
        self.talk(second)
        with self.assertRaises(ssl.SSLError):
            self.connect(server, ssl.create_default_context())  # does not trust it, and says so
        page = self.settled()

        def more(name, **labels):
            return self.value(page, name, **labels) - self.value(before, name, **labels)
        self.assertEqual(more("tercet_connections_total", transport="tls"), 3 + more("tercet_connection_failures_total", reason="PEER_CLOSED"))
        self.assertGreaterEqual(more("tercet_handshakes_total", resumed="no"), 1)
        self.assertEqual(more("tercet_handshakes_total", resumed="yes"), 1)
        self.assertGreaterEqual(more("tercet_handshake_failures_total") + more("tercet_connection_failures_total"), 1)
        self.assertEqual(more("tercet_exchanges_total", status="200"), 2)

    @needs_quic
    def test_h3_to_the_last_one(self):
        server = self.counting()
        before = self.settled()
        got = self.tercet("bench", "--http", "3", "-n", 400, "-c", 4, "-m", 8, f"https://localhost:{server.port}/small", env=self.env)
        self.assertEqual(got.status, 0, got)
        page = self.settled()
        labels = {"version": "3", "method": "GET", "status": "200"}
        self.assertEqual(self.value(page, "tercet_exchanges_total", **labels), 400)
        self.assertEqual(self.value(page, "tercet_connections_total", transport="quic"), 4)
        self.assertEqual(self.value(page, "tercet_connections_version_total", version="3"), 4)
        self.assertEqual(self.value(page, "tercet_exchanges_total") - self.value(before, "tercet_exchanges_total"), 400)
        self.assertEqual(self.value(page, "tercet_first_byte_seconds_count", version="3"), 400)

    def test_health_until_the_last_answer(self):
        """While a slow client takes its answer, the server that is to end says that it drains."""
        server = self.counting("--limit", "send_ms=3600000", listen=["http://127.0.0.1:{port}"])
        self.assertEqual(self.curl(f"{self.admin}/health").text, "ok\n")
        wire = server.wire(receive=4096)
        wire.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        wire.until(b"\r\n\r\n")
        server.signal()
        self.assertTrue(wait_for(lambda: "503" in self.curl("-i", f"{self.admin}/health").text))
        page = self.page()
        self.assertEqual(self.value(page, "tercet_draining"), 1)
        self.assertEqual(self.value(page, "tercet_exchanges_open"), 1)
        wire.close()
        self.assertEqual(server.wait(), 0)

    def test_slow_answers_are_in_the_histogram(self):
        server = self.counting(listen=["http://127.0.0.1:{port}"])
        with server.wire() as wire:
            wire.send("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            self.assertEqual(wire.response(interim=True).status, 100)  # it has begun
            time.sleep(0.4)
            wire.send("ab")
            self.assertEqual(wire.response().status, 200)
        page = self.settled()
        self.assertEqual(self.value(page, "tercet_exchange_seconds_bucket", version="1.1", le="0.25"), 0)
        self.assertEqual(self.value(page, "tercet_exchange_seconds_bucket", version="1.1", le="60"), 1)
        self.assertGreaterEqual(self.value(page, "tercet_exchange_seconds_sum", version="1.1"), 0.25)

    def test_what_is_wrong_is_said(self):
        for url in ("https://127.0.0.1:9", "9090", "ftp://a"):
            got = self.tercet("serve", "--admin", url, self.site())
            self.assertEqual(got.status, 2, got)
            self.assertIn("http://ADDRESS:PORT is wanted", got.err)
        server = self.serve("--admin", "http://0.0.0.0:0")
        self.assertIn("is no loopback address", server.said())
        self.assertNotIn("loopback", self.serve("--admin", "http://[::1]:0").said())

    def test_without_it_there_is_none(self):
        self.assertNotIn("admin", self.serve().said())
