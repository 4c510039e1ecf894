"""The client that expects 100 (Continue): who does not know that says 417, and is asked once more without it
(RFC 9110, 10.1.1)."""
import json
import time

from harness import Case, Peer

NO = b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 3\r\n\r\nno\n"
YES = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"


class Expecting(Case):
    def strict(self, close=False, always=False, after=0.0):
        """A peer that answers 417 to expectations (or to all); what content came is in its bodies."""
        def talk(peer, wire):
            while True:
                head = wire.until(b"\r\n\r\n")
                peer.heads.append(head)
                expects = b"\r\nexpect: 100-continue\r\n" in head.lower()
                if expects and after:
                    time.sleep(after)
                if expects:
                    wire.send(NO)
                    if close:
                        return
                    continue
                if b"chunked" in head.lower():
                    peer.bodies.append(wire.until(b"0\r\n\r\n"))
                else:
                    peer.bodies.append(wire.exactly(int(head.lower().split(b"content-length:")[1].split(b"\r")[0])))
                wire.send(NO if always else YES)
        peer = Peer(self, talk)
        peer.bodies = []
        return peer

    def in_time(self, check):
        """check(), and again where it failed after a second or more: the client waits no longer for an answer
        before it sends its content, and then what a slow machine shows is another case."""
        for left in reversed(range(20)):
            start = time.monotonic()
            try:
                return check()
            except AssertionError:
                if not left or time.monotonic() - start < 1:
                    raise

    def test_once_more_without_it(self):
        file = self.dir / "large"
        file.write_bytes(b"l" * 300_000)
        for close in False, True:
            for items, body in ((("--data", "text"), b"text"), ((f"@{file}",), b"l" * 300_000), (("a=b",), b'{"a":"b"}')):
                self.in_time(lambda: self.once_more(close, items, body))

    def once_more(self, close, items, body):
        peer = self.strict(close)
        got = self.tercet("post", "--json", peer.url + "/x", "Expect:100-continue", "X-Kept:1", *items)
        self.assertEqual(got.status, 0, got)
        self.assertEqual(peer.bodies, [body])
        self.assertEqual([b"\r\nexpect:" in h.lower() for h in peer.heads], [True, False])
        self.assertTrue(all(b"\r\nX-Kept: 1\r\n" in h for h in peer.heads))
        seen = json.loads(got.out)["exchanges"]
        self.assertEqual([e["response"]["status"] for e in seen], [417, 200])

    def test_content_that_comes_once(self):
        """Nothing of standard input was read yet."""
        def check():
            peer = self.strict()
            got = self.tercet("post", "--data", "-", peer.url + "/x", "Expect:100-continue", stdin=b"from a pipe")
            self.assertEqual((got.status, got.out), (0, b"yes"), got)
            self.assertIn(b"from a pipe", peer.bodies[0])
        self.in_time(check)

    def test_too_late_for_content_that_comes_once(self):
        """It was sent after a second of waiting, and cannot be had again: the answer stands."""
        def talk(peer, wire):
            peer.heads.append(wire.until(b"\r\n\r\n"))
            wire.until(b"0\r\n\r\n")
            wire.send(NO)
        peer = Peer(self, talk)
        got = self.tercet("post", "--data", "-", peer.url + "/x", "Expect:100-continue", stdin=b"from a pipe")
        self.assertEqual((got.out, len(peer.heads)), (b"no\n", 1), got)

    def test_once(self):
        peer = self.strict(always=True)
        got = self.tercet("post", "-f", peer.url + "/x", "Expect:100-continue", "a=b")
        self.assertEqual((got.status, len(peer.heads)), (22, 2), got)

    def test_who_expected_nothing_is_told(self):
        server = self.serve()
        for item in "Expect:magic", "X:y":
            url = server.url + "/echo" if "Expect" in item else self.strict(always=True).url
            got = self.tercet("post", "--json", url, item, "a=b")
            self.assertEqual([e["response"]["status"] for e in json.loads(got.out)["exchanges"]], [417], got)
