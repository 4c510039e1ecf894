"""Several ranges of a file as one answer (RFC 9110, 14.6), on every version, read by a parser that nobody here wrote."""
import email
import email.policy
import os
import random

from harness import with_quic
from test_tls import Tls

VERSIONS = [1.1, 2] + [3] * with_quic()


def parts_of(content_type, body):
    """(Content-Range, bytes) of each part."""
    message = email.message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body,
                                       policy=email.policy.HTTP)
    assert message.is_multipart() and not message.defects, (content_type, body[:200])
    return [(part["content-range"], part.get_content_type(), part.get_payload(decode=True)) for part in message.get_payload()]


class Parts(Tls):
    def setUp(self):
        super().setUp()
        self.whole = os.urandom(3 << 20)
        self.files = {"big.bin": self.whole, "small.txt": "0123456789" * 100, "index.html": "home"}
        self.server = self.secure()
        self.url = f"https://localhost:{self.server.port}"

    def ask(self, version, path, ranges):
        got = self.tercet("get", "--http", version, "-q", "--cacert", self.ca, self.url + path, "Range:bytes=" + ranges,
                          env=self.env)
        self.assertEqual(got.status, 0, got)
        return got.out

    def test_each_version(self):
        size = len(self.whole)
        wanted = [(5, 5), (1_000_000, 2_500_000), (size - 100, size - 1), (200, 65_999)]
        for version in VERSIONS:
            with self.subTest(version):
                body = self.ask(version, "/big.bin", "5-5,1000000-2000000,-100,200-65999,1999999-2500000")
                boundary = body[2:body.index(b"\r\n")].decode()
                parts = parts_of(f"multipart/byteranges; boundary={boundary}", body)
                self.assertEqual([part[0] for part in parts], [f"bytes {a}-{b}/{size}" for a, b in wanted])
                self.assertEqual({part[1] for part in parts}, {"application/octet-stream"})
                for (first, last), part in zip(wanted, parts):
                    self.assertTrue(part[2] == self.whole[first:last + 1], (first, last))

    def test_random_sets(self):
        """Of every version the same, and what was asked for."""
        for _ in range(6):
            ranges, at = [], 0
            for _ in range(random.randrange(2, 16)):
                first = at + random.randrange(100, 100_000)
                at = first + random.randrange(100_000)
                ranges.append((first, at))
            random.shuffle(ranges)
            for version in VERSIONS:
                with self.subTest((version, ranges)):
                    body = self.ask(version, "/big.bin", ",".join("%d-%d" % r for r in ranges))
                    boundary = body[2:body.index(b"\r\n")].decode()
                    parts = parts_of(f"multipart/byteranges; boundary={boundary}", body)
                    self.assertEqual(len(parts), len(ranges))
                    for (first, last), part in zip(ranges, parts):
                        self.assertTrue(part[2] == self.whole[first:last + 1], (first, last))

    def test_curl(self):
        for version in ("--http1.1", "--http2"):
            with self.subTest(version):
                got = self.curl(version, "--cacert", self.ca, "-D", self.dir / "head", "-r", "0-1,500-506", self.url + "/small.txt")
                self.assertEqual(got.status, 0, got)
                head = email.message_from_bytes((self.dir / "head").read_bytes().split(b"\r\n", 1)[1])
                self.assertEqual(int(head["content-length"]), len(got.out))
                parts = parts_of(head["content-type"], got.out)
                self.assertEqual(parts, [("bytes 0-1/1000", "text/plain", b"01"),
                                         ("bytes 500-506/1000", "text/plain", b"0123456")])
                got = self.curl(version, "--cacert", self.ca, "-r", "0-1,5-6", self.url + "/small.txt")
                self.assertEqual(got.out, b"0123456", "close together: one part, which takes fewer bytes")

    def test_another_request_follows(self):
        with self.serve(files={"big.bin": self.whole}).wire() as wire:
            for _ in range(3):
                answer = wire.ask("/big.bin", fields=["Range: bytes=0-99,1000-500000,-1"])
                self.assertEqual((answer.status, len(parts_of(answer.get("content-type"), answer.body))), (206, 3))
                self.assertEqual(wire.ask("/big.bin", "HEAD", ["Range: bytes=0-99,1000-2000"]).status, 200)
