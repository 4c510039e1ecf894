"""HTTP/2 with the machine of python3-h2 at the other end, which ends with an exception at whatever the other
end does against the protocol, and has a header compression of its own: our server, then our client."""
import hashlib
import json
import os
import sys
import unittest

from harness import Case, Peer, Wire

sys.path.append("/usr/lib/python3/dist-packages")  # it is Debian's, whoever's Python this is
try:
    import h2.config
    import h2.connection
    import h2.events as events
    import h2.settings
except ImportError:
    h2 = None

NEEDED = unittest.skipUnless(h2, "no python3-h2 here")


def machine(client):
    return h2.connection.H2Connection(h2.config.H2Configuration(client_side=client, header_encoding="utf-8"))


class End:
    """One end of a connection: the machine, and what came of each stream."""

    def __init__(self, wire, client, **settings):
        self.wire, self.conn, self.heard = wire, machine(client), []
        self.streams = {}
        self.conn.initiate_connection()
        if settings:
            self.conn.update_settings({getattr(h2.settings.SettingCodes, name): n for name, n in settings.items()})
        self.flush()

    def flush(self):
        data = self.conn.data_to_send()
        if data:
            self.wire.send(data)

    def stream(self, number):
        return self.streams.setdefault(number, {"head": None, "interim": [], "body": b"", "trailers": None, "end": None})

    def hear(self):
        """Reads once. False: the peer ended the connection."""
        more = self.wire.held or self.wire.more()
        data, self.wire.held = self.wire.held, b""
        for event in self.conn.receive_data(data):
            self.heard.append(event)
            number = getattr(event, "stream_id", None) or getattr(event, "pushed_stream_id", None)
            of = self.stream(number) if number else None
            if isinstance(event, (events.ResponseReceived, events.RequestReceived)):
                of["head"] = dict(event.headers)
            elif isinstance(event, events.InformationalResponseReceived):
                of["interim"].append(dict(event.headers)[":status"])
            elif isinstance(event, events.DataReceived):
                of["body"] += event.data
                self.conn.acknowledge_received_data(event.flow_controlled_length, number)
            elif isinstance(event, events.TrailersReceived):
                of["trailers"] = dict(event.headers)
            elif isinstance(event, (events.StreamEnded, events.StreamReset)):
                of["end"] = getattr(event, "error_code", 0)
            elif isinstance(event, events.PushedStreamReceived):
                of["promised"] = dict(event.headers)
        self.flush()
        return bool(more)

    def until(self, done):
        while not done():
            if not self.hear():
                raise EOFError(self.heard)

    def ended(self, *numbers):
        self.until(lambda: all(self.stream(n)["end"] is not None for n in numbers))
        return [self.stream(n) for n in numbers]

    def send(self, number, data, trailers=None):
        """Content, as the windows of the other end allow."""
        while data:
            self.until(lambda: self.conn.local_flow_control_window(number) > 0)
            n = min(len(data), self.conn.local_flow_control_window(number), self.conn.max_outbound_frame_size)
            self.conn.send_data(number, data[:n])
            data = data[n:]
            self.flush()
        if trailers:
            self.conn.send_headers(number, trailers, end_stream=True)
        else:
            self.conn.end_stream(number)
        self.flush()


def request(path, *more, method="GET"):
    return [(":method", method), (":scheme", "http"), (":authority", "h"), (":path", path), *more]


@NEEDED
class OurServer(Case):
    def begin(self, *options, settings=None, **how):
        self.big = os.urandom(300_000)
        server = self.serve(*options, files={"a.txt": "hello", "big.bin": self.big, "index.html": "<p>home</p>", "s.css": "p {}"}, **how)
        wire = Wire(server.port)
        self.addCleanup(wire.close)
        return End(wire, True, **(settings or {}))

    def ask(self, end, number, *args, **how):
        end.conn.send_headers(number, request(*args, **how), end_stream=how.get("method") != "POST")
        end.flush()

    def test_one_after_another_then_at_once(self):
        end = self.begin()
        for number in range(1, 21, 2):  # a table that fills, and is then used
            self.ask(end, number, "/a.txt", ("x-again", "the same"))
            self.assertEqual(end.ended(number)[0]["body"], b"hello")
        for number in range(21, 61, 2):
            self.ask(end, number, "/big.bin" if number % 4 == 1 else "/a.txt")
        for number, got in zip(range(21, 61, 2), end.ended(*range(21, 61, 2))):
            self.assertEqual((got["head"][":status"], got["end"]), ("200", 0))
            self.assertEqual(got["body"], self.big if number % 4 == 1 else b"hello")

    def test_head_conditions_and_what_is_missing(self):
        end = self.begin()
        self.ask(end, 1, "/a.txt", method="HEAD")
        self.ask(end, 3, "/missing")
        first, second = end.ended(1, 3)
        self.assertEqual((first["head"]["content-length"], first["body"]), ("5", b""))
        self.assertEqual(second["head"][":status"], "404")
        self.ask(end, 5, "/a.txt", ("if-none-match", first["head"]["etag"]))
        self.ask(end, 7, "/a.txt", ("range", "bytes=1-2"))
        same, part = end.ended(5, 7)
        self.assertEqual((same["head"][":status"], same["body"]), ("304", b""))
        self.assertEqual((part["head"][":status"], part["body"]), ("206", b"el"))

    def test_uploads(self):
        end = self.begin()
        self.ask(end, 1, "/echo", ("expect", "100-continue"), method="POST")
        end.until(lambda: end.stream(1)["interim"] == ["100"])
        end.send(1, b"content", [("x-sum", "7")])
        self.ask(end, 3, "/echo", method="POST")
        end.send(3, self.big)
        first, second = end.ended(1, 3)
        self.assertEqual([got["head"][":status"] for got in (first, second)], ["200", "200"])
        self.assertIn(hashlib.sha256(b"content").hexdigest().encode(), first["body"])
        self.assertRegex(first["body"], rb"Trailers\n +X-Sum: 7\n")
        self.assertIn(hashlib.sha256(self.big).hexdigest().encode(), second["body"])

    def test_small_windows_and_no_table(self):
        end = self.begin(settings={"INITIAL_WINDOW_SIZE": 1000, "HEADER_TABLE_SIZE": 0})
        self.ask(end, 1, "/big.bin")
        self.ask(end, 3, "/big.bin")
        for got in end.ended(1, 3):
            self.assertEqual(got["body"], self.big)

    def test_pushed(self):
        end = self.begin("--push", "/index.html=/s.css")
        self.ask(end, 1, "/index.html")
        page, style = end.ended(1, 2)
        self.assertEqual(style["promised"][":path"], "/s.css")
        self.assertEqual((page["body"], style["body"]), (b"<p>home</p>", b"p {}"))

    def test_broken_off_and_pinged(self):
        end = self.begin()
        self.ask(end, 1, "/big.bin")
        end.conn.reset_stream(1, 8)
        end.conn.ping(b"12345678")
        self.ask(end, 3, "/a.txt")
        self.assertEqual(end.ended(3)[0]["body"], b"hello")
        end.until(lambda: any(isinstance(e, events.PingAckReceived) and e.ping_data == b"12345678" for e in end.heard))


@NEEDED
class OurClient(Case):
    def peer(self, answer, **settings):
        def talk(peer, wire):
            end = End(wire, False, **settings)
            told = set()
            while end.hear():
                for number, of in list(end.streams.items()):
                    if of["head"] and of["end"] == 0 and number not in told:
                        told.add(number)
                        answer(end, number, of)
                        end.flush()
        return Peer(self, talk)

    def get(self, peer, *args, command="get"):
        got = self.tercet(command, "--http", "2", *args)
        self.assertEqual((got.status, peer.faults), (0, []), got)
        return got

    def test_gets(self):
        def answer(end, number, of):
            end.conn.send_headers(number, [(":status", "103"), ("link", "</a>")])
            end.conn.send_headers(number, [(":status", "200"), ("x-path", of["head"][":path"])])
            end.send(number, b"hello", [("x-sum", "5")])
        peer = self.peer(answer, MAX_CONCURRENT_STREAMS=2)
        got = self.get(peer, "--json", *(f"{peer.url}/{n}" for n in range(7)))
        told = json.loads(got.out)["exchanges"]
        self.assertEqual([x["response"]["body"]["data"] for x in told], ["hello"] * 7)
        self.assertEqual(peer.count, 1)
        self.assertEqual(told[0]["response"]["trailers"], [{"name": "x-sum", "value": "5"}])

    def test_sends(self):
        bodies = []
        big = self.dir / "big"
        big.write_bytes(os.urandom(300_000))

        def answer(end, number, of):
            bodies.append((of["head"][":method"], of["body"]))
            end.conn.send_headers(number, [(":status", "204")], end_stream=True)
        peer = self.peer(answer, INITIAL_WINDOW_SIZE=5000)
        self.get(peer, "--data", f"@{big}", peer.url, command="post")
        self.assertEqual([method for method, _ in bodies], ["POST"])
        self.assertTrue(bodies[0][1] == big.read_bytes())

    def test_takes_what_is_pushed(self):
        def answer(end, number, of):
            end.conn.push_stream(number, 2, request("/s.css")[:2] + [(":authority", of["head"][":authority"]), (":path", "/s.css")])
            end.conn.send_headers(2, [(":status", "200")])
            end.send(2, b"style")
            end.conn.send_headers(number, [(":status", "200")])
            end.send(number, b"page")
        peer = self.peer(answer)
        told = json.loads(self.get(peer, "--push", "--json", peer.url).out)["exchanges"]
        self.assertEqual([(x["request"]["target"], x["pushed"], x["response"]["body"]["length"]) for x in told],
                         [("/", False, 4), ("/s.css", True, 5)])


if __name__ == "__main__":
    unittest.main()
