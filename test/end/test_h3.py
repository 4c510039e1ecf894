"""HTTP/3 over QUIC: gtlsclient, gtlsserver and Chromium, which nobody here wrote, and our own client."""
import hashlib
import base64
import json
import os
import re
import socket
import stat
import struct
import subprocess
import threading
import time

from harness import Peer, die_with_parent, free_port, lines_of, needs_quic, wait_for, whole_lines
from test_tls import BIG, Tls

CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
            "--disable-default-apps", "--no-default-browser-check", "--metrics-recording-only", "--mute-audio",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")


@needs_quic
class Quic(Tls):
    def gtlsclient(self, server, *paths, options=(), seconds=30):
        urls = [f"https://localhost:{server.port}{path}" for path in paths]
        got = self.other("gtlsclient", "--exit-on-all-streams-close", *options, "127.0.0.1", server.port, *urls, seconds=seconds)
        self.assertEqual(got.status, 0, got.err[-2000:])
        return got.out + got.err.encode()

    def get(self, server, path="/", *options, status=0, host="localhost", **how):
        got = self.tercet("get", "--http", 3, "--cacert", self.ca, *options, f"https://{host}:{server.port}{path}", env=self.env, **how)
        self.assertEqual(got.status, status, got)
        return got


class Served(Quic):
    def test_gtlsclient(self):
        server = self.secure()
        self.assertIn("HTTP/1.0 1.1 2 3", server.said())
        said = self.gtlsclient(server, "/small", options=("--no-quic-dump",))
        self.assertIn(b"[:status: 200]", said)
        self.assertIn(b"[content-length: 612]", said)
        folder = self.dir / "got"
        folder.mkdir()
        self.gtlsclient(server, "/big", "/small", options=("-q", "--download", folder))
        self.assertEqual((folder / "big").read_bytes(), BIG)
        self.assertEqual((folder / "small").read_bytes(), b"s" * 612)

    def test_what_quic_has(self):
        """Version 2, other ciphers and groups, key updates, a new port, a hello in two parts."""
        server = self.secure("--workers", 4)
        for options in (("-v", "v2"), ("--preferred-versions", "v2,v1"),
                        ("--ciphers", "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305:+AES-128-GCM"),
                        ("--groups", "-GROUP-ALL:+GROUP-SECP256R1"), ("--groups", "-GROUP-ALL:+GROUP-X25519"),
                        ("--key-update", "20ms", "--delay-stream", "60ms"), ("--change-local-addr", "20ms", "--delay-stream", "100ms"),
                        ("--change-local-addr", "20ms", "--nat-rebinding", "--delay-stream", "100ms"), ("--max-udp-payload-size", "1200")):
            with self.subTest(options):
                said = self.gtlsclient(server, "/small", options=options)
                self.assertIn(b"[:status: 200]", said)

    def test_many_connections_and_workers(self):
        server = self.secure("--workers", 4)
        for _ in range(20):
            self.assertIn(b"[content-length: 612]", self.gtlsclient(server, *["/small"] * 5, options=("--no-quic-dump",)))

    def test_an_address_to_be_proved(self):
        server = self.secure("--limit", "quic_unvalidated=0")
        said = self.gtlsclient(server, "/small")
        self.assertIn(b"[:status: 200]", said)
        self.assertIn(b"type=Retry", said)
        server.signal()
        server.wait()
        self.assertRegex(server.said(), r"limit quic_unvalidated reached [1-9] time")  # again where the client asked again

    def test_a_token_for_the_next_time(self):
        server = self.secure("--limit", "quic_unvalidated=0")
        token = self.dir / "token"
        self.assertIn(b"type=Retry", self.gtlsclient(server, "/small", options=("--token-file", token, "--delay-stream", "50ms")))
        self.assertTrue(token.stat().st_size)
        self.assertNotIn(b"type=Retry", self.gtlsclient(server, "/small", options=("--token-file", token)))

    def test_resumption_without_early_data(self):
        server = self.secure()
        state = ("--session-file", self.dir / "session", "--tp-file", self.dir / "tp")
        self.gtlsclient(server, "/small", options=(*state, "--delay-stream", "50ms"))
        self.assertTrue((self.dir / "session").stat().st_size)
        said = self.gtlsclient(server, "/small", options=state)
        self.assertIn(b"[:status: 200]", said)

    def test_early_data(self):
        server = self.secure("--early-data", "--workers", 2, "--log-format", "json", log=str(self.dir / "log"))
        session, params, content = (self.dir / name for name in ("session", "tp", "content"))
        content.write_bytes(b"once, please")
        state = ("--session-file", session, "--tp-file", params)

        def ask(path, *options):
            before = len(whole_lines(self.dir / "log"))  # which the one before has waited for
            self.gtlsclient(server, path, options=("-q", *state, *options))
            line, = self.lines_since(before, 1)
            return line

        self.assertEqual(ask("/small", "--wait-for-ticket"), (200, False))
        self.assertEqual(ask("/small", "--wait-for-ticket"), (200, True))
        self.assertEqual(ask("/echo", "--wait-for-ticket", "-d", content, "-m", "POST"), (425, True))
        self.assertEqual(ask("/echo", "--wait-for-ticket", "--disable-early-data", "-d", content, "-m", "POST"), (200, False))
        kept = session.read_bytes()
        self.assertEqual(ask("/small"), (200, True))
        session.write_bytes(kept)  # the ticket once more
        self.assertEqual(ask("/small"), (200, False))

    def lines_since(self, before, number):
        """In no order: each worker writes its own."""
        lines = [json.loads(line) for line in lines_of(self.dir / "log", before + number)[before:]]
        return sorted((line["status"], line.get("early", False)) for line in lines)

    def test_what_a_proxy_says(self):
        server = self.secure("--log-format", "json", log=str(self.dir / "log"))
        url = f"https://localhost:{server.port}/echo"
        for version in ("1.1", "2", "3"):
            for value in ("1", "0", "nonsense"):
                with self.subTest(version=version, value=value):
                    ask = ("--http", version, "--cacert", self.ca, url, "Accept:application/json", f"Early-Data:{value}")
                    before = len(whole_lines(self.dir / "log"))
                    self.assertTrue(json.loads(self.tercet("get", *ask, env=self.env).text)["early"])
                    self.assertEqual(self.tercet("post", "--fail", "--data", "x", *ask, env=self.env).status, 22)
                    self.assertEqual(self.lines_since(before, 2), [(200, True), (425, True)])
            before = len(whole_lines(self.dir / "log"))
            plain = self.tercet("post", "--fail", "--data", "x", "--http", version, "--cacert", self.ca, url, env=self.env)
            self.assertEqual(plain.status, 0)
            self.assertEqual(self.lines_since(before, 1), [(200, False)])

    def test_what_early_data_goes_without(self):
        for options in (("--no-quic",), ("--tickets", "off"), ("--tickets", self.dir / "secret"), ("--client-ca", self.ca)):
            with self.subTest(options):
                got = self.tercet("serve", "--early-data", "--listen", "https://127.0.0.1:0", *options, self.dir, env=self.env)
                self.assertEqual(got.status, 2, got)
                self.assertIn("--early-data", got.err)

    def test_alt_svc_on_the_other_versions(self):
        server = self.secure()
        for version in ("1.1", "2"):
            got = self.tercet("get", "--http", version, "--json", "--cacert", self.ca, f"https://localhost:{server.port}/", env=self.env)
            self.assertIn(f'h3=\\":{server.port}\\"; ma=86400', got.text)

    def test_turned_off(self):
        server = self.secure("--no-quic")
        self.assertNotIn("1.1 2 3", server.said())
        got = self.tercet("get", "-v", "--cacert", self.ca, f"https://localhost:{server.port}/", env=self.env)
        self.assertNotIn("alt-svc", (got.text + got.err).lower())
        self.get(server, status=7, host="127.0.0.1")

    def test_a_port_that_is_taken(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            got = self.tercet("serve", "--listen", f"https://127.0.0.1:{s.getsockname()[1]}", self.dir, env=self.env)
        self.assertEqual(got.status, 98)

    def test_the_end_waits_for_what_is_under_way(self):
        site = self.site(self.files)
        os.truncate(site / "big", 100_000_000)
        server = self.secure(root=site, files=None)
        got = []
        one = threading.Thread(target=lambda: got.append(self.get(server, "/big", "-q", "-o", self.dir / "out", seconds=300)))
        one.start()
        self.assertTrue(wait_for(lambda: any(path.stat().st_size for path in self.dir.glob("out*"))))
        server.signal()
        one.join()
        server.wait(300)
        self.assertEqual(got[0].status, 0)
        self.assertEqual((self.dir / "out").stat().st_size, 100_000_000)

    def test_strange_datagrams(self):
        server = self.secure()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(("127.0.0.1", server.port))
            s.settimeout(1)
            for n in range(3000):
                s.send(os.urandom(1 + n % 1400))
                s.send(b"\xc0\0\0\0\1\x08" + os.urandom(1200 + n % 200))
            # A version that nobody speaks is answered with those that we do.
            head = b"\xc0" + struct.pack(">I", 0x1a2a3a4a) + b"\x08abcdefgh\x04wxyz"

            def answered():
                nonlocal answer
                s.send(head + bytes(1200 - len(head)))
                try:
                    while b"wxyz\x08abcdefgh" not in answer:
                        answer = s.recv(2000)
                except TimeoutError:
                    return False
                return True
            answer = b""
            self.assertTrue(wait_for(answered))
            self.assertIn(struct.pack(">I", 1), answer)
            self.assertLess(len(answer), 1200)
        self.get(server)
        self.assertAlive(server)

    def assertAlive(self, server):
        self.assertEqual(self.get(server, "/small").out, b"s" * 612)


class Asked(Quic):
    def test_our_own_client(self):
        server = self.secure()
        self.assertEqual(self.get(server, "/small").out, b"s" * 612)
        self.assertEqual(self.get(server, "/big", "-q").out, BIG)
        self.get(server, "/nowhere", "--fail", status=22)
        got = json.loads(self.get(server, "/", "--json").out)
        self.assertEqual(got["exchanges"][0]["response"]["version"], "HTTP/3")
        many = [f"https://localhost:{server.port}/small"] * 5
        got = self.tercet("get", "--http", 3, "-q", "--cacert", self.ca, *many, env=self.env)
        self.assertEqual((got.status, got.out), (0, b"s" * 612 * 5))

    def test_content(self):
        server = self.secure("--limit", "body_bytes=100000000")
        (self.dir / "body").write_bytes(BIG)
        got = self.tercet("request", "POST", "--http", 3, "--cacert", self.ca, "-d", f"@{self.dir}/body",
                          f"https://localhost:{server.port}/echo", env=self.env)
        self.assertEqual(got.status, 0, got)
        self.assertIn(b"3000000", got.out)

    def test_certificates_are_judged_as_over_tcp(self):
        crt, key = self.certificate("other", "DNS:other.example")
        wrong, wrong_key = self.certificate("wrong", "DNS:localhost", usage="clientAuth")
        for cert, options in (((crt, key), ("--cacert", self.authority()[0])), ((crt, key), ()),
                              ((wrong, wrong_key), ("--cacert", self.authority()[0]))):
            server = self.secure("--cert", cert[0], "--key", cert[1])
            said = []
            for version in (1.1, 3):
                got = self.tercet("get", "--http", version, *options, f"https://localhost:{server.port}/", env=self.env)
                said.append((got.status, re.sub(r"HTTP/\S+", "", got.err)))
            self.assertEqual(said[0], said[1])
            self.assertEqual(said[0][0], 60)
            server.stop()

    def test_nobody_there(self):
        port = free_port()
        got = self.tercet("get", "--http", 3, f"https://127.0.0.1:{port}/", env=self.env)
        self.assertEqual(got.status, 7, got)
        self.assertIn(f"127.0.0.1:{port} over QUIC (UDP): Connection refused", got.err)

    def test_silence_has_a_limit(self):
        """--connect-timeout is for the handshake, too, over UDP and over TCP."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as stream:
            for sock, how, words in ((datagrams, ("--http", 3), "over QUIC (UDP): no answer"), (stream, (), "the TLS handshake was not answered")):
                sock.bind(("127.0.0.1", 0))
                if sock is stream:
                    sock.listen()
                got = self.tercet("get", "--connect-timeout", "0.5", "--limit", "handshake_ms=60000", *how,
                                  f"https://127.0.0.1:{sock.getsockname()[1]}/", env=self.env)
                self.assertEqual(got.status, 28, got)
                self.assertIn(words, got.err)

    def test_only_over_https(self):
        got = self.tercet("get", "--http", 3, "http://127.0.0.1:1/", env=self.env)
        self.assertEqual(got.status, 1, got)
        self.assertIn("https://", got.err)

    def test_gtlsserver(self):
        crt, key = self.certificate("peer", "DNS:localhost,IP:127.0.0.1")
        folder = self.site(self.files)
        port = free_port()
        with subprocess.Popen(["gtlsserver", "-q", "-d", str(folder), "127.0.0.1", str(port), str(key), str(crt)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent()) as peer:
            try:
                for path, wanted in (("/small", b"s" * 612), ("/big", BIG)):
                    got = None

                    def asked():
                        nonlocal got
                        got = self.tercet("get", "--http", 3, "-q", "--cacert", self.authority()[0],
                                          f"https://127.0.0.1:{port}{path}", env=self.env)
                        return got.status == 0
                    self.assertTrue(wait_for(asked), got)
                    self.assertEqual(got.out, wanted)
            finally:
                peer.terminate()


    def test_version_2_and_proofs(self):
        """gtlsserver goes on with version 2 and wants every address proved: by a Retry, or by the token that it gave before."""
        crt, key = self.certificate("peer", "DNS:localhost,IP:127.0.0.1")
        port, out = free_port(), self.dir / "out"
        with open(out, "wb") as log, subprocess.Popen(
                ["gtlsserver", "-V", "--preferred-versions=v2", "-d", str(self.site(self.files)), "127.0.0.1", str(port), str(key), str(crt)],
                stdout=log, stderr=log, preexec_fn=die_with_parent()) as peer:
            try:
                url = f"https://127.0.0.1:{port}/small"
                self.assertTrue(wait_for(lambda: self.tercet("get", "--http", 3, "-q", "--cacert", self.authority()[0], url,
                                                             env=self.env).out == b"s" * 612))
                mark = out.stat().st_size
                got = self.tercet("bench", "-n", 4, "-c", 1, "--no-keep-alive", "--resume", "--json", "--http", 3, "--cacert",
                                  self.authority()[0], url, env=self.env)
                self.assertEqual(got.status, 0, got)
                said = json.loads(got.out)
                self.assertEqual((said["done"], said["connections_made"], said["resumed"]), (4, 4, 3))
            finally:
                peer.terminate()
        said = out.read_bytes()[mark:]
        self.assertIn(said.count(b"Sending Retry packet"), (1, 2, 3))  # for the first one, and again if it asks again
        self.assertGreaterEqual(len(set(re.findall(rb"I\d+ (0x\w+) .*pkt tx .*version=0x6b3343cf .*type=Handshake", said))), 4)


class Early(Quic):
    """`tercet get --early-data`: what a run leaves for the next one."""

    def ask(self, port, *items):
        got = self.tercet("get", "--json", "--early-data", "--http", 3, "--cacert", self.ca,
                          f"https://127.0.0.1:{port}/small", *items, env=self.env)
        self.assertEqual(got.status, 0, got)
        said = json.loads(got.text)["exchanges"]
        self.assertEqual([x["response"]["status"] for x in said], [200] * len(said))
        tls = said[0]["connection"]["tls"]
        return tls["early_data"], tls["resumed"]

    def setUp(self):
        super().setUp()
        self.file = self.state / "tercet" / "sessions"

    def test_our_server(self):
        log = self.dir / "log"
        server = self.secure("--early-data", "--log-format", "json", log=str(log))
        self.assertEqual(self.ask(server.port), (None, False))
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
        kept = self.file.read_bytes()
        for _ in range(3):
            self.assertEqual(self.ask(server.port), ("accepted", True))
        self.assertEqual(self.file.read_bytes().count(b"\n"), 1)
        self.file.write_bytes(kept)  # the server knows that ticket
        self.assertEqual(self.ask(server.port), ("rejected", True))
        posted = self.tercet("post", "--early-data", "--http", 3, "--cacert", self.ca, "--data", "x",
                             f"https://127.0.0.1:{server.port}/echo", env=self.env)
        self.assertEqual(posted.status, 0, posted)
        lines = [json.loads(line) for line in lines_of(log, 6)]
        self.assertEqual(sorted((x["method"], x.get("early", False)) for x in lines),
                         [("GET", False)] * 2 + [("GET", True)] * 3 + [("POST", False)])
        self.assertEqual(list(self.file.parent.glob("*.part")), [])

    def test_a_server_that_takes_none(self):
        """Its tickets say so: nothing goes out early in vain."""
        server = self.secure()
        for _ in range(3):
            self.assertIsNone(self.ask(server.port)[0])

    def test_only_when_asked_for(self):
        server = self.secure("--early-data")
        self.get(server, "/small")
        self.assertFalse(self.file.exists())
        self.assertEqual(self.ask(server.port, "Authorization:Basic eA=="), (None, False))
        self.assertFalse(self.file.exists() and self.file.read_bytes())
        self.ask(server.port)
        before = self.file.read_bytes()
        self.get(server, "/small")
        self.assertEqual(self.file.read_bytes(), before)
        for options in (("--insecure",), ("--http", "2"), ("--http", "all")):
            got = self.tercet("get", "--early-data", *options, f"https://127.0.0.1:{server.port}/", env=self.env)
            self.assertEqual(got.status, 2, got)
            self.assertIn("--early-data", got.err)

    def test_another_server_there(self):
        """Its tickets, its authority and its key are new: what went out early goes out again, or not at all."""
        server = self.secure("--early-data")
        self.ask(server.port)
        port, kept = server.port, self.file.read_bytes()
        server.stop()
        server = self.secure("--early-data", port=port)
        self.assertEqual(self.ask(port), ("rejected", False))
        server.stop()
        self.file.write_bytes(kept)
        crt, key = self.certificate("other", "DNS:elsewhere.example")
        self.secure("--early-data", "--cert", crt, "--key", key, port=port)
        got = self.tercet("get", "--early-data", "--http", 3, "--cacert", self.authority()[0], f"https://127.0.0.1:{port}/", env=self.env)
        self.assertEqual(got.status, 60, got)

    def test_a_file_of_nonsense(self):
        server = self.secure("--early-data")
        self.ask(server.port)
        for text in (b"", b"\0" * 100000, self.file.read_bytes()[:-20], self.file.read_bytes()[20:], os.urandom(5000)):
            self.file.write_bytes(text)
            self.assertEqual(self.ask(server.port), (None, False))
            self.assertEqual(self.ask(server.port), ("accepted", True))

    def test_nobody_is_there_any_more(self):
        """What Alt-Svc told of is silent: TCP has the request after a second."""
        server = self.secure("--early-data")
        ask = ("get", "--json", "--early-data", "--cacert", self.ca, f"https://127.0.0.1:{server.port}/small")
        seen = []
        for _ in range(4):
            if len(seen) == 3:
                port = server.port
                server.stop()
                silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                silent.bind(("127.0.0.1", port))
                self.addCleanup(silent.close)
                self.secure("--no-quic", port=port)
            patient = () if len(seen) == 3 else ("--limit", "head_start_ms=60000")
            got = self.tercet(*ask, *patient, env=self.env)
            self.assertEqual(got.status, 0, got)
            last = json.loads(got.text)["exchanges"][-1]
            seen.append((last["response"]["version"], last["connection"]["tls"]["early_data"]))
        self.assertEqual(seen, [("HTTP/2", None), ("HTTP/3", None), ("HTTP/3", "accepted"), ("HTTP/2", None)])

    def test_a_redirect_of_an_early_request(self):
        """The clock of the race is over with it, whatever the same run does for longer."""
        server = self.secure("--early-data", files={"sub/index.html": "sub"})

        def talk(peer, wire):
            peer.request(wire)
            time.sleep(1.5)  # as long as an early request may go unanswered, and half as long again
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlater")
        late = f"http://127.0.0.1:{Peer(self, talk).port}/"
        for i in range(4):
            got = self.tercet("get", "-q", "-L", "--early-data", "--cacert", self.ca, f"https://127.0.0.1:{server.port}/sub",
                              *([late] if i > 1 else []), env=self.env)
            self.assertEqual((got.status, got.text), (0, "sublater" if i > 1 else "sub"), got)

    def test_gtlsserver(self):
        crt, key = self.certificate("peer", "DNS:localhost,IP:127.0.0.1")
        self.ca = self.authority()[0]
        port = free_port()
        with subprocess.Popen(["gtlsserver", "-q", "-d", str(self.site(self.files)), "127.0.0.1", str(port), str(key), str(crt)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent()) as peer:
            try:
                self.assertTrue(wait_for(lambda: self.tercet("get", "--http", 3, "-q", "--cacert", self.ca,
                                                             f"https://127.0.0.1:{port}/small", env=self.env).status == 0))
                self.assertEqual(self.ask(port), (None, False))
                for _ in range(3):
                    self.assertEqual(self.ask(port), ("accepted", True))
            finally:
                peer.terminate()


# Asks until an answer came over HTTP/3, and says by which versions they came.
PAGE = """<title>Safe Page</title><p id=p></p><script>
const sleep = ms => new Promise(done => setTimeout(done, ms));
(async () => {
  const seen = [];
  while (seen.at(-1) !== 'h3' && seen.length < 4000) {
    const url = location.origin + '/small?' + seen.length;
    await (await fetch(url, {cache: 'no-store'})).text();
    let entry;
    while (!(entry = performance.getEntriesByName(url)[0])) await sleep(10);
    seen.push(entry.nextHopProtocol);
    await sleep(20);
  }
  document.getElementById('p').textContent = seen.join(' ');
})();
</script>
"""


class Browser(Quic):
    SECONDS = 600

    def test_chromium_moves_by_itself(self):
        """By Alt-Svc alone. Chromium believes an authority that somebody added over TCP, but over QUIC only one that it
        came with (QUIC_TLS_CERTIFICATE_UNKNOWN in its log), unless a host is named to be spoken to over QUIC at once: that
        holds for the name and all of its ports, so another port is named, and this one is left to Alt-Svc."""
        log, home = self.dir / "log", self.dir / "home"
        server = self.secure(log=str(log), files={"index.html": PAGE, "small": "s" * 612})
        database = home / ".pki" / "nssdb"
        database.mkdir(parents=True)
        for options in (("-N", "--empty-password"), ("-A", "-n", "tercet", "-t", "C,,", "-i", self.ca)):
            self.assertEqual(self.other("certutil", *options, "-d", f"sql:{database}").status, 0)
        got = self.other("env", f"HOME={home}", *CHROMIUM, "--origin-to-force-quic-on=127.0.0.1:1", f"--user-data-dir={self.dir}/profile",
                         "--virtual-time-budget=200000", "--dump-dom", f"https://127.0.0.1:{server.port}/", seconds=300, group=True)
        self.assertRegex(got.text, r'<p id="p">(h2 )+h3</p>', got.text[:3000])
        for line in (r"GET /  HTTP/2\n", r"GET /small\?\d+  HTTP/3\n"):
            self.assertTrue(wait_for(lambda: re.search(line, log.read_text())), line)

    def test_chromium(self):
        log = self.dir / "log"
        server = self.secure(log=str(log))
        public = self.openssl("x509", "-in", self.state / "tercet" / "localhost.pem", "-noout", "-pubkey").out
        der = self.openssl("pkey", "-pubin", "-outform", "DER", stdin=public).out
        pin = base64.b64encode(hashlib.sha256(der).digest()).decode()
        got = self.other(*CHROMIUM, f"--origin-to-force-quic-on=127.0.0.1:{server.port}", f"--ignore-certificate-errors-spki-list={pin}",
                         f"--user-data-dir={self.dir}/profile", "--virtual-time-budget=3000", "--dump-dom",
                         f"https://127.0.0.1:{server.port}/", seconds=300, group=True)
        self.assertEqual(got.status, 0, got)
        self.assertIn("<title>Safe Page</title>", got.text)
        self.assertTrue(wait_for(lambda: re.search(r"GET /  HTTP/3", log.read_text())))
