"""Preconditions and single ranges of files (RFC 9110, 13 and 14)."""
import os
import time

from harness import Case, http_date


class Conditions(Case):
    """Preconditions in the order of RFC 9110, 13.2.2, and single ranges (14)."""

    def setUp(self):
        super().setUp()
        root = self.site({"a.txt": "0123456789", "big.bin": bytes(range(256)) * 1000, "empty": ""})
        self.when = 1_600_000_000
        for name in ("a.txt", "big.bin"):
            os.utime(root / name, (self.when, self.when))
        self.server = self.serve(root=root)
        self.tag = self.server.ask("/a.txt").get("etag")

    def status(self, *fields, method="GET", target="/a.txt"):
        answer = self.server.ask(target, method, fields)
        if answer.status in (304, 412, 416):
            self.assertNotEqual(answer.body[:10], b"0123456789")
        return answer.status

    def test_if_none_match(self):
        for value, want in ((self.tag, 304), ("*", 304), (f'"x", {self.tag}', 304), ("W/" + self.tag, 304),
                            ('"x"', 200), (self.tag.strip('"'), 200)):
            with self.subTest(value):
                self.assertEqual(self.status(f"If-None-Match: {value}"), want)
                self.assertEqual(self.status(f"If-None-Match: {value}", method="HEAD"), want)

    def test_304_has_the_fields_of_the_answer_and_no_body(self):
        with self.server.wire() as wire:
            answer = wire.ask("/a.txt", fields=[f"If-None-Match: {self.tag}"])
            self.assertEqual((answer.status, answer.get("etag")), (304, self.tag))
            self.assertIn("date", answer)
            self.assertNotIn("transfer-encoding", answer)
            self.assertIn(answer.get("content-length"), (None, "10"))
            self.assertEqual(wire.ask("/a.txt").body, b"0123456789")  # in step

    def test_if_modified_since(self):
        for seconds, want in ((0, 304), (-1, 200), (1, 304), (86400, 304)):
            self.assertEqual(self.status("If-Modified-Since: " + http_date(self.when + seconds)), want, seconds)
        when = time.gmtime(self.when)
        self.assertEqual(self.status("If-Modified-Since: " + time.strftime("%A, %d-%b-%y %H:%M:%S GMT", when)), 304)
        self.assertEqual(self.status("If-Modified-Since: " + time.asctime(when)), 304)
        self.assertEqual(self.status("If-Modified-Since: yesterday"), 200)
        # an entity tag overrules it
        self.assertEqual(self.status('If-None-Match: "x"', "If-Modified-Since: " + http_date(self.when)), 200)

    def test_if_match(self):
        for value, want in ((self.tag, 200), ("*", 200), ('"x"', 412), ("W/" + self.tag, 412),
                            (f'"x",{self.tag}', 200)):
            self.assertEqual(self.status(f"If-Match: {value}"), want, value)

    def test_if_unmodified_since(self):
        self.assertEqual(self.status("If-Unmodified-Since: " + http_date(self.when)), 200)
        self.assertEqual(self.status("If-Unmodified-Since: " + http_date(self.when - 1)), 412)
        self.assertEqual(self.status(f"If-Match: {self.tag}", "If-Unmodified-Since: " + http_date(self.when - 1)), 200)

    def test_if_match_comes_before_if_none_match(self):
        self.assertEqual(self.status('If-Match: "x"', f"If-None-Match: {self.tag}"), 412)

    def test_conditions_do_not_turn_404_into_304(self):
        self.assertEqual(self.status("If-None-Match: *", target="/nowhere"), 404)

    def ranged(self, value, *more, target="/a.txt"):
        return self.server.ask(target, fields=[f"Range: {value}", *more])

    def test_single_ranges(self):
        for value, part, want in (("bytes=0-3", b"0123", "0-3"), ("bytes=4-", b"456789", "4-9"),
                                  ("bytes=-3", b"789", "7-9"), ("bytes=9-9", b"9", "9-9"),
                                  ("bytes=5-1000", b"56789", "5-9"), ("bytes=-1000", b"0123456789", "0-9"),
                                  ("BYTES=0-0", b"0", "0-0"), ("bytes=0-99999999999999999999", b"0123456789", "0-9")):
            with self.subTest(value):
                answer = self.ranged(value)
                if answer.status == 200:  # a range of everything may be answered whole
                    self.assertEqual((part, answer.body), (b"0123456789", b"0123456789"))
                    continue
                self.assertEqual((answer.status, answer.body), (206, part))
                self.assertEqual(answer.get("content-range"), f"bytes {want}/10")
                self.assertEqual(answer.get("content-length"), str(len(part)))
                self.assertEqual(answer.get("etag"), self.tag)

    def test_range_of_a_large_file(self):
        whole = bytes(range(256)) * 1000
        for first, last in ((0, 0), (100_000, 200_001), (65_535, 65_536), (255_999, 255_999)):
            answer = self.ranged(f"bytes={first}-{last}", target="/big.bin")
            self.assertEqual((answer.status, answer.body), (206, whole[first:last + 1]))

    def test_unsatisfiable(self):
        for value in ("bytes=10-", "bytes=100-200", "bytes=-0"):
            with self.subTest(value):
                answer = self.ranged(value)
                self.assertEqual((answer.status, answer.get("content-range")), (416, "bytes */10"))
        self.assertEqual(self.ranged("bytes=0-", target="/empty").status, 416)
        self.assertEqual(self.ranged("bytes=-1", target="/empty").status, 200)

    def test_ranges_that_are_none_are_ignored(self):
        for value in ("bytes=3-1", "bytes=", "bytes=-", "bytes=a-b", "lines=0-1", "0-3", "bytes=1-2-3", "bytes=+1-2",
                      "bytes=0x0-1", "bytes 0-3"):
            with self.subTest(value):
                answer = self.ranged(value)
                self.assertIn(answer.status, (200, 416), value)
                if answer.status == 200:
                    self.assertEqual(answer.body, b"0123456789")

    def test_if_range(self):
        for value, want in ((self.tag, 206), ('"x"', 200), ("W/" + self.tag, 200), (http_date(self.when), 206),
                            (http_date(self.when + 1), 200), (http_date(self.when - 1), 200)):
            with self.subTest(value):
                self.assertEqual(self.ranged("bytes=0-3", f"If-Range: {value}").status, want)

    def test_range_is_for_get(self):
        answer = self.server.ask("/a.txt", "HEAD", ["Range: bytes=0-3"])
        self.assertIn(answer.status, (200, 206))
        self.assertEqual(answer.body, b"")

    def test_range_after_conditions(self):
        self.assertEqual(self.ranged("bytes=0-3", 'If-Match: "x"').status, 412)
        self.assertEqual(self.ranged("bytes=0-3", f"If-None-Match: {self.tag}").status, 304)

    def test_curl_resumes(self):
        (self.dir / "got").write_bytes((bytes(range(256)) * 1000)[:1234])
        got = self.curl("-C", "-", self.server.url + "/big.bin", "-o", self.dir / "got")
        self.assertEqual(got.status, 0, got)
        self.assertEqual((self.dir / "got").read_bytes(), bytes(range(256)) * 1000)
