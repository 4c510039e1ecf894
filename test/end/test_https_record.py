"""HTTPS records of the DNS (RFC 9460): HTTP/3 at the first visit, where they say so. The C library asks a name server
of the test's own, which needs root: for port 53, and for another /etc/resolv.conf."""
import json
import random
import socket
import struct
import threading
import time

from harness import needs_mounts, needs_quic
from test_tls import Tls

A, AAAA, HTTPS = 1, 28, 65


def name(text):
    return b"".join(bytes([len(part)]) + part.encode() for part in text.split(".") if part) + b"\0"


def record(priority, target, port=None, alpn=("h3", "h2"), ttl=300):
    """(type, ttl, data) of an HTTPS record."""
    data = struct.pack("!H", priority) + name(target)
    if alpn:
        ids = b"".join(bytes([len(a)]) + a.encode() for a in alpn)
        data += struct.pack("!HH", 1, len(ids)) + ids
    if port:
        data += struct.pack("!HHH", 3, 2, port)
    return HTTPS, ttl, data


class Names(threading.Thread):
    """A name server: what it says by (name, type). late: seconds before an answer for a type, None: never. Addresses come after records:
    an asker who has them all at once does not wait for records."""

    def __init__(self, case, says, late=None):
        super().__init__(daemon=True)
        self.says, self.late, self.asked = says, {A: 0.5, AAAA: 0.5, **(late or {})}, []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(0.05)
        self.address = f"127.83.{random.randrange(256)}.{random.randrange(1, 255)}"
        self.sock.bind((self.address, 53))
        self.over = False
        case.addCleanup(self.stop)
        self.start()

    def stop(self):
        self.over = True
        self.join()
        self.sock.close()

    def run(self):
        while not self.over:
            try:
                query, peer = self.sock.recvfrom(4096)
            except TimeoutError:
                continue
            self.answer(query, peer)

    def answer(self, query, peer):
        at, parts = 12, []
        while query[at]:
            parts.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind = struct.unpack("!H", query[at + 1:at + 3])[0]
        asked = ".".join(parts).lower()
        self.asked.append((asked, kind))
        found = self.says.get((asked, kind), [])
        known = any(n == asked for n, _ in self.says)
        reply = query[:2] + struct.pack("!HHHHH", 0x8180 if known else 0x8183, 1, len(found), 0, 0) + query[12:at + 5]
        for k, ttl, data in found:
            reply += b"\xc0\x0c" + struct.pack("!HHIH", k, 1, ttl, len(data)) + data
        seconds = self.late.get(kind, 0)
        if seconds is not None:
            threading.Timer(seconds, self.send, (reply, peer)).start()

    def send(self, reply, peer):
        try:
            self.sock.sendto(reply, peer)
        except OSError:
            pass  # the test is over


@needs_quic
@needs_mounts
class Records(Tls):
    def setUp(self):
        super().setUp()
        self.resolv = self.dir / "resolv.conf"
        crt, key = self.certificate("shop", "DNS:shop.example,DNS:other.example")
        self.server = self.secure("--cert", crt, "--key", key)
        self.trust = self.authority()[0]
        self.memory = self.state / "tercet" / "alt-svc"
        self.here = [(A, 60, socket.inet_aton("127.0.0.1"))]

        self.within = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', self.resolv)

    def names(self, says, **how):
        names = Names(self, {("shop.example", A): self.here, **says}, **how)
        self.resolv.write_text(f"nameserver {names.address}\noptions timeout:30 attempts:1\n")
        return names

    def ask(self, *options, host="shop.example", port=None, count=1, status=0, head_start_ms=60000):
        urls = [f"https://{host}:{port or self.server.port}/small"] * count
        got = self.tercet("get", "--json", "--limit", f"head_start_ms={head_start_ms}", "--cacert", self.trust, *options, *urls, env=self.env,
                          within=self.within)
        self.assertEqual(got.status, status, got)
        exchanges = json.loads(got.out)["exchanges"]
        self.why = [x["connection"]["version_why"] for x in exchanges]
        return [x["response"]["version"] for x in exchanges]

    @property
    def question(self):
        return f"_{self.server.port}._https.shop.example"

    def test_http3_at_the_first_visit(self):
        dns = self.names({(self.question, HTTPS): [record(1, "shop.example")]})
        self.assertEqual(self.ask("--no-alt-svc"), ["HTTP/2"])  # it turns all unasked HTTP/3 off
        self.assertNotIn((self.question, HTTPS), dns.asked)
        self.assertEqual(self.ask(), ["HTTP/3"])
        self.assertEqual(self.why, ["which an HTTPS record told of; QUIC was ready first"])
        self.assertIn((self.question, HTTPS), dns.asked)
        asked = [a for a in dns.asked if a == ("shop.example", A)]
        self.assertEqual(len(asked), 2)  # once each time: what was found is not asked for again
        self.assertRegex(self.memory.read_text(), r"^shop\.example ")  # the answer's Alt-Svc, not the record
        del dns.asked[:]
        self.assertEqual(self.ask(), ["HTTP/3"])
        self.assertEqual(self.why, ["which Alt-Svc told of before; QUIC was ready first"])
        self.assertNotIn((self.question, HTTPS), dns.asked)

    def test_all_versions(self):
        """What a browser would do knows of it."""
        self.names({(self.question, HTTPS): [record(1, "shop.example")]})
        got = self.tercet("get", "--http", "all", "--cacert", self.trust, f"https://shop.example:{self.server.port}/small", env=self.env,
                          within=self.within)
        self.assertEqual(got.status, 0, got)
        self.assertIn(f"A browser takes HTTP/3 at first, since an HTTPS record of the DNS offers h3 at shop.example:{self.server.port}.",
                      " ".join(got.text.split()))

    def test_several_requests(self):
        dns = self.names({(self.question, HTTPS): [record(1, "shop.example")]})
        self.assertEqual(self.ask(count=6), ["HTTP/3"] * 6)
        self.assertEqual(dns.asked.count((self.question, HTTPS)), 1)

    def test_what_is_not_for_us(self):
        for records in ([record(1, "shop.example", alpn=("h2",))], [record(1, "shop.example", alpn=None)],
                        [record(0, "", alpn=None)], [(HTTPS, 60, b"\0\1\0\0\1\0\x09\2h3")], [(HTTPS, 60, b"")]):
            with self.subTest(records):
                self.names({(self.question, HTTPS): records})
                self.memory.unlink(missing_ok=True)
                self.assertEqual(self.ask(), ["HTTP/2"])
                self.assertEqual(self.why, ["chosen by the server from h2, http/1.1 (ALPN)"])

    def test_an_alias_and_another_port(self):
        """Of a port where nobody listens for TCP; the certificate must still be the origin's."""
        self.names({("_9._https.shop.example", HTTPS): [record(0, "other.example", alpn=None)],
                    ("other.example", HTTPS): [record(2, "", port=1, alpn=("h2",)), record(1, "", port=self.server.port)],
                    ("other.example", A): self.here})
        self.assertEqual(self.ask(port=9), ["HTTP/3"])

    def test_nobody_there(self):
        """The record is wrong: TCP has it."""
        quiet = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(quiet.close)
        quiet.bind(("127.0.0.1", 0))
        self.names({(self.question, HTTPS): [record(1, "shop.example", port=quiet.getsockname()[1])]})
        self.assertEqual(self.ask(head_start_ms=250), ["HTTP/2"])
        self.assertIn("; HTTP/3, which an HTTPS record told of, was not ready first", self.why[0])

    def test_late_and_never(self):
        """An answer that does not come holds nobody up."""
        for seconds in (5, None):
            with self.subTest(seconds):
                self.names({(self.question, HTTPS): [record(1, "shop.example")]}, late={HTTPS: seconds, A: 0, AAAA: 0})
                self.memory.unlink(missing_ok=True)
                before = time.monotonic()
                self.assertEqual(self.ask(), ["HTTP/2"])
                if seconds is None:
                    self.assertLess(time.monotonic() - before, 25)  # and not until the resolver gives up
