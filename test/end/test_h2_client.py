"""HTTP/2 in the client: which version is chosen and why, many exchanges on one connection, retries, resumption,
with servers that a test scripts and with Tercet's own."""
import json
import re
import ssl
import struct

from h2_case import DATA, END_HEADERS, END_STREAM, H2, HEADERS, OK, field
from harness import Peer, wait_for


class Choice(H2):
    """Which version, and why."""

    def test_over_tls(self):
        server = self.secure()
        url = f"https://localhost:{server.port}/small"
        for options, version, why in ((("--no-alt-svc",), "HTTP/2", "chosen by the server from h2, http/1.1 (ALPN)"),
                                      (("--http", "2"), "HTTP/2", "as asked for; the server agreed to h2 (ALPN)"),
                                      (("--http", "1.1"), "HTTP/1.1", "as asked for; the server agreed to http/1.1 (ALPN)"),
                                      (("--http", "1.0"), "HTTP/1.0", "as asked for; the server agreed to http/1.1 (ALPN)")):
            with self.subTest(options):
                e = self.told(*options, url)[0]
                self.assertEqual((e["request"]["version"], e["connection"]["version_why"]), (version, why))
                self.assertEqual(e["response"]["status"], 200)
                shown = self.tercet("get", "-v", *options, url, env=self.env)
                self.assertIn(f"{why}\n", shown.err)
                self.assertEqual(shown.out, b"s" * 612)

    def test_in_clear_text(self):
        server = self.serve(files=self.files)
        for options, version, why in (((), "HTTP/1.1", "as always in clear text, unless --http asks for another"),
                                      (("--http", "2"), "HTTP/2", "as asked for; in clear text the server has no say"),
                                      (("--http", "1.0"), "HTTP/1.0", "as asked for; in clear text the server has no say")):
            with self.subTest(options):
                e = self.told(*options, server.url + "/small")[0]
                self.assertEqual((e["request"]["version"], e["connection"]["version_why"]), (version, why))
                self.assertEqual(e["response"]["body"]["length"], 612)

    def peer(self, protocols, answer):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate("good", "DNS:localhost,IP:127.0.0.1"))
        if protocols:
            context.set_alpn_protocols(protocols)

        def talk(peer, wire):
            wire.sock = context.wrap_socket(wire.sock, server_side=True)
            peer.request(wire)
            wire.send(answer)
        return Peer(self, talk)

    def test_a_server_that_agrees_to_nothing(self):
        peer = self.peer(None, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        url, ca = f"https://localhost:{peer.port}/", self.authority()[0]
        e = self.told("--cacert", ca, url)[0]
        self.assertEqual((e["request"]["version"], e["connection"]["version_why"]),
                         ("HTTP/1.1", "since the server agreed to none of h2, http/1.1 (ALPN)"))
        got = self.tercet("get", "--cacert", ca, "--http", "2", url, env=self.env)
        self.assertEqual((got.status, got.out), (1, b""), got)
        self.assertIn("does not speak the version of HTTP that was asked for (in the connect phase)", got.err)
        self.assertIn("it was offered HTTP/2 only", got.err)
        self.assertEqual(len(peer.heads), 1, "a request was sent")

    def test_a_server_that_refuses_the_handshake(self):
        server = self.secure()
        peer = self.peer(["http/1.1"], b"")  # OpenSSL in Python goes on without: this one is silent
        got = self.tercet("get", "--cacert", self.authority()[0], "--http", "2", f"https://localhost:{peer.port}/", env=self.env)
        self.assertEqual(got.status, 1, got)
        self.assertEqual(self.tercet("get", "--http", "2", f"https://localhost:{server.port}/", env=self.env).status, 0)

    def test_prior_knowledge_that_is_wrong(self):
        peer = Peer(self, lambda peer, wire: wire.until(b"SM\r\n\r\n") and wire.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
        got = self.tercet("get", "--http", "2", peer.url)
        self.assertEqual((got.status, got.out), (1, b""), got)
        self.assertIn("does not speak the version of HTTP", got.err)

    def test_old_versions_have_no_tls(self):
        got = self.tercet("get", "--http", "0.9", "https://localhost:1/")
        self.assertEqual(got.status, 1)
        self.assertIn("HTTP/0.9 is for clear text", got.err)


class Many(H2):
    """Several URLs of one origin on one connection."""

    def test_all_at_once(self):
        """The server answers the last one first: nobody waits for the one before."""
        streams = []

        def talk(raw, nth):
            while len(streams) < 4:
                streams.append(raw.request())
            for stream in reversed(streams):
                raw.answer(stream, b"%d\n" % stream * 3)
            raw.until_closed()
        peer = self.raw(talk)
        urls = [f"{peer.url}/{i}" for i in range(4)]
        got = self.tercet("get", "--http", "2", *urls)
        self.assertEqual(got.status, 0, got)
        self.assertEqual(streams, [1, 3, 5, 7])
        self.assertEqual(got.out, b"".join(b"%d\n" % s * 3 for s in streams), "not in the order of the URLs")
        self.assertEqual(peer.count, 1)

    def test_over_tls_they_wait_for_the_handshake(self):
        server = self.secure()
        urls = [f"https://localhost:{server.port}/{path}" for path in ("small", "big", "index.html", "missing", "small")]
        got = self.tercet("get", *urls, env=self.env)
        self.assertEqual(got.status, 0, got)
        parts = [b"s" * 612, self.files["big"], self.files["index.html"].encode()]
        self.assertTrue(got.out.startswith(b"".join(parts)))
        self.assertTrue(got.out.endswith(b"s" * 612))
        told = self.told(*urls)
        self.assertEqual([e["url"] for e in told], urls)
        self.assertEqual([e["connection"]["number"] for e in told], [1] * 5)
        self.assertEqual([e["connection"]["exchange"] for e in told], [1, 2, 3, 4, 5])
        self.assertEqual([e["response"]["status"] for e in told], [200, 200, 200, 404, 200])
        self.assertTrue(all(e["response"]["complete"] for e in told))

    def test_hundreds_with_few_streams(self):
        """No more at a time than the server allows, and all in the end."""
        open_now, most = set(), []

        def talk(raw, nth):
            asked = 0
            while asked < 60:
                open_now.add(raw.request())
                asked += 1
                most.append(len(open_now))
                if len(open_now) == 3 or asked == 60:
                    for stream in sorted(open_now):
                        raw.answer(stream, b"x")
                    open_now.clear()
            raw.until_closed()
        peer = self.raw(talk, settings=struct.pack(">HI", 3, 3))
        got = self.tercet("get", "--http", "2", *[f"{peer.url}/{i}" for i in range(60)])
        self.assertEqual((got.status, got.out), (0, b"x" * 60), got)
        self.assertEqual((max(most), peer.count), (3, 1))

    def test_none_may_begin(self):
        def talk(raw, nth):
            stream = raw.request()
            raw.answer(stream)
            raw.until_closed()
        peer = self.raw(talk, settings=struct.pack(">HI", 3, 0))
        got = self.tercet("get", "--http", "2", peer.url + "/1", peer.url + "/2", seconds=300)
        self.assertEqual((got.status, got.out), (92, b"hello"), got)
        self.assertIn("lets no request begin", got.err)

    def test_pictures_come_one_after_another(self):
        server = self.secure()
        urls = [f"https://localhost:{server.port}/{path}" for path in ("big", "small", "index.html")]
        status, screen, out = self.on_terminal("get", *urls, both=False, env=self.env)
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.decode())
        self.assertEqual(status, 0, text)
        lines = [line[4:11].strip() for line in text.splitlines() if line[2:3].isdigit()]
        self.assertEqual(lines, ["connect", "request", "respons"] * 3, text)
        self.assertEqual([line.split()[2] for line in text.splitlines() if line[2:3] == "2"], ["GET"] * 3)
        self.assertEqual([line.split()[3] for line in text.splitlines() if line[2:3] == "2"], ["/big", "/small", "/index.html"])
        self.assertIn("HTTP/2, chosen by the server from h2, http/1.1 (ALPN)", text)

    def test_a_version_without_streams_goes_on_as_before(self):
        server = self.secure()
        urls = [f"https://localhost:{server.port}/{path}" for path in ("small", "index.html", "small")]
        told = self.told("--http", "1.1", *urls)
        self.assertEqual([e["connection"]["number"] for e in told], [1] * 3)
        self.assertEqual([e["response"]["status"] for e in told], [200] * 3)

    def test_agreed_to_1_1_one_after_another(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate("good", "DNS:localhost"))
        context.set_alpn_protocols(["http/1.1"])
        answers = []

        def talk(peer, wire):
            wire.sock = context.wrap_socket(wire.sock, server_side=True)
            while True:
                peer.request(wire)
                answers.append(len(answers))
                wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % answers[-1])
        peer = Peer(self, talk)
        got = self.tercet("get", "--cacert", self.authority()[0], *[f"https://localhost:{peer.port}/{i}" for i in range(6)])
        self.assertEqual((got.status, got.out, peer.count), (0, b"012345", 1), got)

    def test_what_came_early_is_bounded(self):
        def talk(raw, nth):
            first, second = raw.request(), raw.request()
            raw.send(HEADERS, END_HEADERS, second, OK)
            raw.send(DATA, END_STREAM, second, b"y" * 3000)
            raw.answer(first)
            raw.until_closed()
        peer = self.raw(talk)
        urls = [peer.url + "/1", peer.url + "/2"]
        self.assertEqual(self.tercet("get", "--http", "2", *urls).out, b"hello" + b"y" * 3000)
        got = self.tercet("get", "--http", "2", "--limit", "aside_bytes=2999", *urls)
        self.assertEqual((got.status, got.out), (63, b"hello"), got)

    def test_one_cannot_be_reached(self):
        server = self.secure()
        url = f"https://localhost:{server.port}/small"
        got = self.tercet("get", url, "https://localhost:1/", url, env=self.env)
        self.assertEqual((got.status, got.out), (7, b"s" * 1224), got)
        told = self.told(url, "https://localhost:1/a", "https://localhost:1/b", url)
        self.assertEqual([e["error"] and e["error"]["name"] for e in told], [None, "CONNECT", "CONNECT", None])
        self.assertEqual([e["url"] for e in told], [url, "https://localhost:1/a", "https://localhost:1/b", url])


class Retries(H2):
    """Requests that were certainly not acted on are sent once more, on a new connection."""

    def get(self, peer, *args, count=1, **how):
        return self.tercet("get" if "--data" not in args else "post", "--http", "2", *[f"{peer.url}/{i}" for i in range(count)],
                           *args, **how)

    def test_refused(self):
        def talk(raw, nth):
            stream = raw.request()
            raw.refuse(stream) if nth == 1 else raw.answer(stream)
            raw.until_closed()
        for data in ((), ("--data", "x" * 100)):
            peer = self.raw(talk)
            got = self.get(peer, *data)
            self.assertEqual((got.status, got.out, peer.count), (0, b"hello", 2), got)

    def test_never_more_than_once(self):
        def talk(raw, nth):
            raw.refuse(raw.request())
            raw.until_closed()
        peer = self.raw(talk)
        got = self.get(peer)
        self.assertEqual((got.status, peer.count), (92, 2), got)
        self.assertIn("a second time", got.err)

    def test_a_stream_that_was_read_is_not_sent_again(self):
        def talk(raw, nth):
            while raw.read()[0] != DATA:
                pass
            raw.refuse(1)
            raw.until_closed()
        peer = self.raw(talk)
        got = self.get(peer, "--data", "-", stdin=b"x" * 1000)
        self.assertEqual((got.status, peer.count), (92, 1), got)
        self.assertIn("cannot be read twice", got.err)

    def test_goaway(self):
        """Those above the last stream are sent again; the one below is finished where it began."""
        def talk(raw, nth):
            if nth == 1:
                first = raw.request()
                for _ in range(3):
                    raw.request()
                raw.goaway(first)
                raw.answer(first, b"first,")
            else:
                for stream in [raw.request() for _ in range(3)]:
                    raw.answer(stream, b"again,")
            raw.until_closed()
        peer = self.raw(talk)
        got = self.get(peer, count=4)
        self.assertEqual((got.status, got.out, peer.count), (0, b"first," + b"again," * 3, 2), got)

    def test_goaway_while_a_request_is_on_its_way(self):
        """GOAWAY says nothing of a stream that it was too early for, but that it is not looked at."""
        def talk(raw, nth):
            if nth == 1:
                raw.goaway(0)
                raw.until_closed()
            else:
                raw.answer(raw.request())
                raw.until_closed()
        peer = self.raw(talk)
        got = self.get(peer, "--data", "pay once")
        self.assertEqual((got.status, got.out, peer.count), (0, b"hello", 2), got)

    def test_goaway_and_silence(self):
        """A request that may have been acted on is not sent again when the connection dies."""
        def talk(raw, nth):
            raw.goaway(raw.request())
        for data, status in (((), 56), (("--data", "pay once"), 56)):
            peer = self.raw(talk)
            got = self.get(peer, *data)
            self.assertEqual((got.status, peer.count), (status, 1), got)

    def test_goaway_that_rises(self):
        def talk(raw, nth):
            raw.goaway(raw.request())
            raw.goaway(5)
            raw.until_closed()
        peer = self.raw(talk)
        self.assertEqual((self.get(peer).status, peer.count), (16, 1))

    def test_goaway_for_a_fault_of_ours(self):
        def talk(raw, nth):
            raw.request()
            raw.goaway(0, 1)
            raw.until_closed()
        peer = self.raw(talk)
        got = self.get(peer)
        self.assertEqual((got.status, peer.count), (92, 2), got)


class Shown(H2):
    """What -v and -vv show, and 1xx answers in all versions."""

    def test_frames_windows_and_savings(self):
        server = self.serve(files=self.files)
        got = self.tercet("get", "-v", "--http", "2", server.url + "/small", server.url + "/small")
        saved = {}
        for mark, stream, packed, plain, percent in re.findall(
                r"(?m)^([<>]) HEADERS stream (\d+), (\d+) bytes for (\d+) \((\d+) % saved\)", got.err):
            saved[mark, int(stream)] = int(packed)
            self.assertEqual(int(percent), (int(plain) - int(packed)) * 100 // int(plain))
        self.assertEqual(set(saved), {(">", 1), (">", 3), ("<", 1), ("<", 3)}, got.err)
        self.assertLess(saved[">", 3], saved[">", 1] / 2, "the second request is in the table")
        for line in (r"> :path: /small", r"> user-agent: tercet/", r"< :status: 200", r"< content-length: 612",
                     r"< DATA stream 1, 612 bytes, END_STREAM, window 64923, connection 64923", r"> SETTINGS, \d+ bytes, .*ENABLE_PUSH 0",
                     r"< SETTINGS, 0 bytes, ACK"):
            self.assertRegex(got.err, "(?m)^" + line)
        self.assertEqual(got.out, b"s" * 1224)

    def test_windows_move(self):
        server = self.serve(files=self.files)
        got = self.tercet("get", "-v", "--http", "2", server.url + "/big")
        self.assertRegex(got.err, r"(?m)^> WINDOW_UPDATE stream 1, 4 bytes, \d+ more, window \d+$")
        self.assertRegex(got.err, r"(?m)^> WINDOW_UPDATE, 4 bytes, \d+ more, connection \d+$")
        got = self.tercet("post", "-v", "--http", "2", server.url + "/echo", "--data", "x" * 5000)
        self.assertRegex(got.err, r"(?m)^> DATA stream 1, 5000 bytes, END_STREAM, window 60535, connection 60535$")

    def test_bytes(self):
        server = self.serve(files={"small": "s" * 612, "more": "m" * 9000})
        for options, first in (((), "> 000000  47 45 54 20 2f 73 6d 61  6c 6c 20 48 54 54 50 2f  GET /small HTTP/"),
                               (("--http", "2"), "> 000000  50 52 49 20 2a 20 48 54  54 50 2f 32 2e 30 0d 0a  PRI * HTTP/2.0..")):
            got = self.tercet("get", "-vv", *options, server.url + "/small", server.url + "/more")
            self.assertEqual(got.status, 0)
            self.assertIn(first + "\n", got.err)
            self.assertIn("73 73 73 73 73 73 73 73  73 73 73 73 73 73 73 73  ssssssssssssssss\n", got.err)
            self.assertRegex(got.err, r"(?m)^< \.\.\. and \d+ bytes more$")
            self.assertLess(len(got.err), 40_000)
        secret = ("Authorization:Basic c2VjcmV0", server.url + "/small")
        for options in ((), ("--http", "2")):
            hidden = self.tercet("get", "-vv", *options, *reversed(secret))
            self.assertRegex(hidden.err, r"(?m)^> \d+ bytes, with credentials \(--show-secrets\)$")
            self.assertNotIn("Basic", hidden.err)
            self.assertNotIn("> 000", hidden.err)
            self.assertIn("> 000000 ", self.tercet("get", "-vv", "--show-secrets", *options, *reversed(secret)).err)

    def interim(self, version):
        if version == "2":
            def talk(raw, nth):
                stream = raw.request()
                raw.send(HEADERS, END_HEADERS, stream, field(b":status", b"103") + field(b"link", b"</style.css>; rel=preload"))
                raw.answer(stream)
                raw.until_closed()
            return self.raw(talk)

        def answer(peer, wire):
            peer.request(wire)
            wire.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        return Peer(self, answer)

    def test_early_hints(self):
        for version in ("1.0", "1.1", "2"):
            with self.subTest(version):
                peer = self.interim(version)
                e = self.told("--http", version, peer.url)[0]
                self.assertEqual([i["status"] for i in e["informational"]], [103])
                self.assertEqual([f for f in e["informational"][0]["fields"] if f["name"] == "link"],
                                 [{"name": "link", "value": "</style.css>; rel=preload"}])
                self.assertEqual((e["response"]["status"], e["response"]["body"]["data"]), (200, "hello"))
                got = self.tercet("get", "-v", "--http", version, peer.url)
                self.assertRegex(got.err.lower(), r"(?m)^< (:status: 103|http/1.1 103 early hints)$")
                self.assertRegex(got.err.lower(), r"(?m)^< link: </style.css>; rel=preload$")
                screen = self.on_terminal("get", "--http", version, peer.url, both=False)[1].decode()
                text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen)
                self.assertRegex(text, r"3 response +103 Early Hints \(informational\)")
                self.assertRegex(text, r"3 response +200 OK \(success\)")

    def test_continue(self):
        for version in ("1.1", "2"):
            server = self.serve(files=self.files)

            def asked():
                """Whether it was told to go on; after a second it goes on by itself."""
                said = self.tercet("post", "--json", "--http", version, server.url + "/echo", "Expect:100-continue", "--data", "x").text
                e = json.loads(said)["exchanges"][0]
                self.assertEqual(e["response"]["status"], 200)
                return [i["status"] for i in e["informational"]] == [100]
            self.assertTrue(wait_for(asked))


class Again(H2):
    """TLS sessions are resumed within one run, and never across identities."""

    def peer(self, version):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate("good", "DNS:localhost,IP:127.0.0.1"))
        context.minimum_version = context.maximum_version = version
        self.resumed = []

        def talk(peer, wire):
            wire.sock = context.wrap_socket(wire.sock, server_side=True)
            self.resumed.append(wire.sock.session_reused)
            peer.request(wire)
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
            wire.sock.unwrap()
        return Peer(self, talk)

    def test_the_second_connection(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                peer = self.peer(version)
                urls = [f"https://localhost:{peer.port}/{i}" for i in range(3)]
                trust = ("--cacert", self.authority()[0], "--http", "1.1")
                told = self.told(*trust, *urls)
                self.assertEqual([e["connection"]["tls"]["resumed"] for e in told], [False, True, True])
                self.assertEqual(self.resumed, [False, True, True])
                self.assertTrue(all(e["connection"]["tls"]["verified"] for e in told))
                screen = self.on_terminal("get", *trust, *urls[:2], both=False, env=self.env)[1]
                self.assertEqual(screen.count(b" resumed"), 1, screen)

    def test_never_for_another_identity(self):
        peer = self.peer(ssl.TLSVersion.TLSv1_3)
        trust = ("--cacert", self.authority()[0], "--http", "1.1")
        self.told(*trust, f"https://localhost:{peer.port}/", f"https://127.0.0.1:{peer.port}/")
        self.assertEqual(self.resumed, [False, False])

    def test_bounded(self):
        peer = self.peer(ssl.TLSVersion.TLSv1_3)
        trust = ("--cacert", self.authority()[0], "--http", "1.1", "--limit", "tls_sessions=0")
        self.told(*trust, *[f"https://localhost:{peer.port}/{i}" for i in range(2)])
        self.assertEqual(self.resumed, [False, False])
