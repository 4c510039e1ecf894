"""HTTPS at the server beyond the plain case: redirects from http, HSTS, certificates by name and by kind of key, resumption,
slow handshakes; with curl, openssl and Python's ssl as peers."""
import os
import random
import socket
import ssl
import threading
import time

from harness import free_port, wait_for
from test_tls import Tls

NAMES = "DNS:localhost,IP:127.0.0.1"


class Reload(Tls):
    SECONDS = 600

    def test_under_load(self):
        """Certificates, and the authorities of clients, change while several threads open connections to several
        workers: none is lost, and no connection that was open before."""
        both = self.dir / "both.pem"
        pairs = [self.certificate(f"n{i}", NAMES) for i in range(4)]
        authorities = self.dir / "clients.pem"

        def put(file, *parts):
            new = file.with_suffix(".new")
            new.write_bytes(b"".join(part.read_bytes() for part in parts))
            new.replace(file)
        put(both, *pairs[0])
        put(authorities, self.authority()[0])
        server = self.secure("--cert", both, "--client-ca", authorities, "--client-cert", "request", "--workers", 4,
                             "--limit", "idle_ms=3600000", "--limit", "handshake_ms=3600000")
        kept = [self.connect(server, self.context(self.authority()[0])) for _ in range(20)]
        stop, faults, done, seen = threading.Event(), [], [0] * 4, set()

        def load(n):
            context, session = self.context(self.authority()[0]), None
            while not stop.is_set():
                try:
                    plain = socket.create_connection(("127.0.0.1", server.port), 60)
                    with context.wrap_socket(plain, server_hostname="localhost", session=session) as wire:
                        seen.add(wire.getpeercert()["serialNumber"])
                        head, body = self.talk(wire)
                        session = wire.session if done[n] % 3 else None
                    assert b" 200 " in head and len(body) == 612, head
                    done[n] += 1
                except Exception as fault:
                    faults.append(repr(fault))
                    return
        threads = [threading.Thread(target=load, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        try:
            for round in range(1, 5):
                before = server.said().count("taken up")
                put(both, *pairs[round % 4])
                if round % 2:
                    put(authorities, self.authority()[0], self.authority(f"other{round}")[0])
                self.assertTrue(wait_for(lambda: faults or server.said().count("taken up") > before and len(seen) >= min(round + 1, 4), every=0.1),
                                f"round {round}: {len(seen)} certificates were shown")
                self.assertEqual(faults, [])
            self.assertTrue(wait_for(lambda: faults or min(done) > 3))
        finally:
            stop.set()
            for thread in threads:
                thread.join(200)
        self.assertEqual(faults, [])
        self.assertEqual(len(seen), 4, "not every certificate was shown")
        self.assertNotIn("cannot be used", server.said())
        for wire in kept:
            self.assertIn(b"200 OK", self.talk(wire)[0])


class Pairs(Tls):
    def test_two_kinds_of_key_for_one_name(self):
        """A client is shown what it can use, whichever was given first; also after a change."""
        rsa, ecdsa = self.certificate("rsa", NAMES, kind=("rsa:2048",)), self.certificate("ecdsa", ",".join(reversed(NAMES.split(","))))
        other = self.certificate("other", "DNS:other.example")
        for pairs in ((ecdsa, other, rsa), (rsa, ecdsa, other)):
            server = self.secure(*(word for pair in pairs for word in ("--cert", pair[0], "--key", pair[1])))
            common = ("--cacert", self.authority()[0], "-o", "/dev/null", "-w", "%{http_code}", f"https://localhost:{server.port}/small")
            for change in (False, True):
                if change:
                    self.certificate("rsa", NAMES, kind=("rsa:2048",))
                    self.assertTrue(wait_for(lambda: self.curl(*common).text == "200" and "was taken up" in server.said(), every=0.3))
                for kind in ("RSA", "ECDSA"):
                    with self.subTest(kind=kind, first=pairs[0][0].name, change=change):
                        got = self.curl("--tls-max", "1.2", "--ciphers", f"ECDHE-{kind}-AES128-GCM-SHA256", *common)
                        self.assertEqual((got.status, got.text), (0, "200"), got)
                        algorithm = "rsa_pss_rsae_sha256" if kind == "RSA" else "ecdsa_secp256r1_sha256"
                        told = self.openssl("s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", "localhost", "-tls1_3", "-sigalgs",
                                            algorithm, "-CAfile", self.authority()[0], stdin=b"").text
                        self.assertIn("Verify return code: 0 (ok)", told)
                        self.assertRegex(told, "a:PKEY: (rsaEncryption|RSA)," if kind == "RSA" else "a:PKEY: (id-ecPublicKey|EC),")

    def test_wide_wildcard(self):
        wide = self.certificate("wide", "DNS:a.localhost,DNS:*.localhost")
        server = self.secure("--cert", wide[0], "--key", wide[1])
        self.assertTrue(wait_for(lambda: "*.localhost is for no host" in server.said()))
        fine = self.certificate("fine", "DNS:localhost,DNS:*.a.localhost")
        server = self.secure("--cert", fine[0], "--key", fine[1])
        self.assertTrue(wait_for(lambda: "Ctrl-C ends" in server.said()))
        self.assertNotIn("for no host", server.said())


class Many(Tls):
    """Which of many certificates is shown: found by its names, however they are written."""

    def alone(self, name, alternatives=None):
        """A certificate of nobody else's, quickly made: all have one key."""
        self.key = self.dir / "key.pem"
        if not self.key.exists():
            self.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.key)
        crt = self.dir / f"{name.replace('/', '')}.crt"
        more = ("-addext", f"subjectAltName={alternatives}") if alternatives else ()
        self.openssl("req", "-x509", "-key", self.key, "-out", crt, "-days", 9, "-subj", f"/CN={name}", *more)
        return "--cert", crt, "--key", self.key

    def shown(self, server, name):
        wire = self.connect(server, ssl._create_unverified_context(), name=name)
        text = self.openssl("x509", "-inform", "DER", "-noout", "-subject", stdin=wire.getpeercert(True)).text
        return text.strip().rpartition("=")[2].strip()

    def test_names_as_they_are_written(self):
        pairs = (("first", "DNS:first.example"), ("upper", "DNS:UPPER.Example"), ("common.example", None),
                 ("hidden.example", "DNS:other.example"), ("mail.example", "email:a@b.example"), ("address", "IP:127.0.0.1,IP:::1,DNS:with.address.example"),
                 ("twice-a", "DNS:twice.example,DNS:twice.example"), ("twice-b", "DNS:twice.example,DNS:b.example"),
                 ("wild-a", "DNS:*.wild.example"), ("wild-b", "DNS:*.wild.example,DNS:x.wild.example"), ("wide", "DNS:*.example,DNS:*"),
                 ("fragment", "DNS:f*.example,DNS:*f.example"), ("dot", "DNS:dot.example."))
        server = self.secure(*(word for name, names in pairs for word in self.alone(name, names)))
        for asked, name in (("first.example", "first"), ("upper.example", "upper"), ("common.example", "common.example"),
                            ("hidden.example", "first"), ("other.example", "hidden.example"), ("mail.example", "mail.example"),
                            ("with.address.example", "address"), ("address", "first"), ("twice.example", "twice-a"), ("b.example", "twice-b"),
                            ("y.wild.example", "wild-a"), ("x.wild.example", "wild-b"), ("a.y.wild.example", "first"), ("wild.example", "first"),
                            ("nobody.example", "first"), ("example", "first"), ("af.example", "first"), ("dot.example", "first")):
            with self.subTest(asked):
                self.assertEqual(self.shown(server, asked), name)
        # an address is no name in a hello, and a request for one is not misdirected there
        for target, status in (("127.0.0.1", "200"), ("[::1]", "200"), ("[0:0::1]", "200"), ("[::2]", "421"), ("first.example", "421")):
            got = self.curl("-k", "--resolve", f"with.address.example:{server.port}:127.0.0.1", "-H", f"Host: {target}", "-o", "/dev/null",
                            "-w", "%{http_code}", f"https://with.address.example:{server.port}/small")
            self.assertEqual(got.text, status, target)

    def test_many(self):
        pairs = [word for i in range(150) for word in self.alone(f"s{i}", f"DNS:s{i}.example,DNS:*.s{i}.example")]
        server = self.secure(*pairs)
        for i in (0, 1, 9, 10, 74, 99, 100, 148, 149):
            self.assertEqual([self.shown(server, f"s{i}.example"), self.shown(server, f"www.s{i}.example")], [f"s{i}"] * 2)
        self.assertEqual(self.shown(server, "s150.example"), "s0")
        # one of them changes
        self.alone("s99", "DNS:s99.example,DNS:moved.example")
        self.assertTrue(wait_for(lambda: self.shown(server, "moved.example") == "s99", 30, every=0.5))
        self.assertEqual(self.shown(server, "www.s99.example"), "s0")


class Redirect(Tls):
    def setUp(self):
        super().setUp()
        self.second = free_port()

    def both(self, *options):
        return self.secure("--redirect-https", *options, listen=["http://127.0.0.1:{port}", f"https://127.0.0.1:{self.second}"])

    def test_every_request_is_sent_on(self):
        server = self.both()
        for host, shown in (("a.example", "a.example"), ("a.example:80", "a.example"), ("[::1]:8080", "[::1]"), ("127.0.0.1", "127.0.0.1")):
            for method in ("GET", "HEAD", "POST", "DELETE"):
                with self.subTest(host=host, method=method):
                    got = server.ask("/x?y=%41", method, host=host, body=b"z" if method == "POST" else b"")
                    self.assertEqual((got.status, got.get("location")), (308, f"https://{shown}:{self.second}/x?y=%41"))
        self.assertEqual(server.ask("http://b.example/p", host="a.example").get("location"), f"https://b.example:{self.second}/p")
        self.assertTrue(wait_for(lambda: f"http://127.0.0.1:{server.port}/    to https://" in server.said()))

    def test_no_host_no_address(self):
        server = self.both()
        with server.wire() as wire:
            wire.send(b"GET / HTTP/1.0\r\n\r\n")
            self.assertEqual(wire.response().status, 400)
        self.assertEqual(server.ask("/", host="").status, 400)
        self.assertEqual(server.ask("/", host="a b").status, 400)
        self.assertEqual(server.ask("*", "OPTIONS").get("location"), None)
        self.assertNotIn(b"home", server.raw(b"GET /index.html\r\n"))  # HTTP/0.9

    def test_followed(self):
        server = self.both()
        got = self.curl("-L", "--cacert", self.ca, f"http://127.0.0.1:{server.port}/small")
        self.assertEqual(got.text, "s" * 612, got)
        got = self.curl("--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_version} %{http_code} %{redirect_url}",
                        f"http://127.0.0.1:{server.port}/small")
        self.assertEqual(got.text, f"2 308 https://127.0.0.1:{self.second}/small")
        got = self.tercet("get", "-L", f"http://127.0.0.1:{server.port}/small", env=self.env)
        self.assertEqual(got.text, "s" * 612, got)

    def test_the_usual_port_is_not_named(self):
        if os.getuid() != 0:
            self.skipTest("port 443 is for root")
        mine = f"127.{random.randrange(64, 128)}.{random.randrange(256)}.{random.randrange(1, 255)}"  # another run has one of its own
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((mine, 443))
            except OSError as fault:
                self.skipTest(f"{mine}:443: {fault}")
        server = self.secure("--redirect-https", listen=["http://127.0.0.1:{port}", f"https://{mine}:443"])
        self.assertEqual(server.ask("/", host="a.example:8080").get("location"), "https://a.example/")

    def test_wrong_use(self):
        for options in (("--redirect-https", "--listen", "http://127.0.0.1:1"), ("--redirect-https", "--listen", "https://127.0.0.1:1"),
                        ("--hsts", "5", "--listen", "http://127.0.0.1:1"), ("--hsts", "-1"), ("--hsts", "1,all"), ("--hsts", "1,preload,preload"),
                        ("--hsts", ""), ("--client-cert", "require"), ("--client-crl", "x"), ("--client-ca", "x", "--listen", "http://127.0.0.1:1")):
            with self.subTest(options):
                self.assertEqual(self.tercet("serve", self.dir, *options, env=self.env).status, 2)
        bad = self.tercet("serve", self.dir, "--listen", "https://127.0.0.1:1", "--client-ca", self.dir / "none", env=self.env)
        self.assertEqual(bad.status, 77, bad)

    def test_hsts(self):
        server = self.secure("--hsts", "31536000,subdomains,preload", listen=["http://127.0.0.1:{port}", f"https://127.0.0.1:{self.second}"])
        value = "strict-transport-security: max-age=31536000; includeSubDomains; preload"
        for version in ("--http1.0", "--http1.1", "--http2"):
            for path in ("/small", "/nowhere"):
                with self.subTest(version, path=path):
                    got = self.curl(version, "--cacert", self.ca, "-D", "-", "-o", "/dev/null", f"https://127.0.0.1:{self.second}{path}")
                    self.assertEqual([line for line in got.text.splitlines() if line.lower().startswith("strict-")],
                                     [value if version == "--http2" else value.replace("strict-transport-security", "Strict-Transport-Security")])
        for path in ("/small", "/nowhere"):
            self.assertIsNone(server.ask(path).get("strict-transport-security"))
        short = self.secure("--hsts", "0")
        self.assertIn(b"Strict-Transport-Security: max-age=0\r\n", self.talk(self.connect(short))[0] + b"\r\n")


class Names(Tls):
    """A request for a name that the connection was not made for is misdirected."""

    def setUp(self):
        super().setUp()
        options = []
        for name, names in (("one", "DNS:one.example,DNS:both.example"), ("two", "DNS:two.example,DNS:*.wild.example"), ("three", "DNS:x.wild.example")):
            options += [o for pair in zip(("--cert", "--key"), self.certificate(name, names)) for o in pair]
        self.server = self.secure(*options)

    def ask(self, name, *hosts, version="--http1.1"):
        """Statuses of requests for each host on one connection made for that name."""
        port = self.server.port
        urls = [part for host in hosts for part in ("-o", "/dev/null", f"https://{name}:{port}/small", "-H", f"Host: {host}", "-w", "%{http_code} %{num_connects}\\n", "--next",
                                                    version, "-s", "--cacert", self.authority()[0], "--resolve", f"{name}:{port}:127.0.0.1")]
        got = self.curl(version, "--cacert", self.authority()[0], "--resolve", f"{name}:{port}:127.0.0.1", *urls[:-7])
        lines = [line.split() for line in got.text.splitlines()]
        self.assertEqual([connects for _, connects in lines], ["1"] + ["0"] * (len(hosts) - 1), got)
        return [int(status) for status, _ in lines]

    def test_names_of_one_certificate_share(self):
        for version in ("--http1.1", "--http2"):
            with self.subTest(version):
                self.assertEqual(self.ask("one.example", "one.example", "both.example", "ONE.example.:99", "nobody.example", version=version), [200] * 4)
                self.assertEqual(self.ask("y.wild.example", "two.example", "z.wild.example", version=version), [200, 200])

    def test_names_of_others_do_not(self):
        for version in ("--http1.1", "--http2"):
            with self.subTest(version):
                self.assertEqual(self.ask("one.example", "two.example", "one.example", "a.wild.example", "both.example", version=version), [421, 200, 421, 200])
                self.assertEqual(self.ask("two.example", "one.example", "nobody.example", "127.0.0.1", "[::1]", "two.example", version=version),
                                 [421, 421, 421, 421, 200])
                # its own certificate would be another one, but this one is good for it, too
                self.assertEqual(self.ask("two.example", "x.wild.example", version=version), [200])
                self.assertEqual(self.ask("x.wild.example", "y.wild.example", version=version), [421])

    def test_without_a_name(self):
        context = self.context(self.authority()[0], check_hostname=False)
        for host, status in (("one.example", b"200"), ("127.0.0.1", b"200"), ("two.example", b"421")):
            wire = self.connect(self.server, context, name=None)
            wire.sendall(f"GET /small HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            self.assertIn(b" %b " % status, wire.recv(4096))

    def test_single_certificate_is_for_all(self):
        server = self.secure()
        wire = self.connect(server)
        wire.sendall(b"GET /small HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n")
        self.assertIn(b"200 OK", wire.recv(4096))


class Resumption(Tls):
    """A session is resumed only under the certificate and the client-certificate policy that it was made under."""

    def s_client(self, server, name, *options):
        """Whether the session was resumed; and a request is answered."""
        got = self.other("openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", name, "-CAfile", self.authority()[0],
                         "-ign_eof", *options, stdin=b"GET /small HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % name.encode(), seconds=300)
        return "Reused, TLSv1" in got.text, "s" * 612 in got.text

    def test_not_under_another_certificate(self):
        one, two = self.certificate("one", "DNS:one.example"), self.certificate("two", "DNS:two.example")
        server = self.secure("--cert", one[0], "--key", one[1], "--cert", two[0], "--key", two[1])
        session = self.dir / "session"
        for version in ("-tls1_2", "-tls1_3"):
            self.assertEqual(self.s_client(server, "one.example", version, "-sess_out", session), (False, True))
            self.assertEqual(self.s_client(server, "one.example", version, "-sess_in", session), (True, True))
            self.assertEqual(self.s_client(server, "two.example", version, "-sess_in", session), (False, True))
            self.assertEqual(self.s_client(server, "one.example", version, "-sess_in", session), (True, True))

    def test_not_under_another_policy(self):
        pair, me, tickets = self.certificate("one", "DNS:one.example"), self.certificate("me", "DNS:x", usage="clientAuth"), self.dir / "tickets"
        ca, other = self.authority()[0], self.authority("other")[0]
        common = ("--cert", pair[0], "--key", pair[1], "--tickets", tickets)
        servers = {"none": self.secure(*common), "none too": self.secure(*common), "request": self.secure(*common, "--client-ca", ca, "--client-cert", "request"),
                   "require": self.secure(*common, "--client-ca", ca), "other": self.secure(*common, "--client-ca", other, "--client-cert", "request")}
        session = self.dir / "session"
        for version in ("-tls1_2", "-tls1_3"):
            self.assertEqual(self.s_client(servers["none"], "one.example", version, "-sess_out", session), (False, True))
            for name, outcome in (("none too", (True, True)), ("request", (False, True)), ("require", (False, False)), ("other", (False, True))):
                self.assertEqual(self.s_client(servers[name], "one.example", version, "-sess_in", session), outcome, name)
            known = ("-cert", me[0], "-key", me[1])
            self.assertEqual(self.s_client(servers["require"], "one.example", version, *known, "-sess_out", session), (False, True))
            self.assertEqual(self.s_client(servers["require"], "one.example", version, "-sess_in", session), (True, True))
            for name in ("none", "request", "other"):
                self.assertEqual(self.s_client(servers[name], "one.example", version, "-sess_in", session), (False, True), name)

    def test_not_under_a_renewed_certificate(self):
        pair = self.certificate("one", "DNS:one.example")
        server = self.secure("--cert", pair[0], "--key", pair[1])
        session = self.dir / "session"
        self.assertEqual(self.s_client(server, "one.example", "-sess_out", session), (False, True))
        new = self.certificate("new", "DNS:one.example")
        new[1].replace(pair[1])
        new[0].replace(pair[0])
        self.assertTrue(wait_for(lambda: self.s_client(server, "one.example") and "taken up" in server.said(), every=0.3))
        self.assertEqual(self.s_client(server, "one.example", "-sess_in", session), (False, True))


class Handshakes(Tls):
    def hello(self):
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        half = self.context().wrap_bio(into, out, server_hostname="localhost")
        try:
            half.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return out.read()

    def test_slow_ones_end(self):
        server = self.secure("--limit", "handshake_ms=1500")
        hello = self.hello()
        drip, unfinished = server.wire(), server.wire()
        unfinished.send(hello)

        def slowly():
            try:
                for byte in hello:
                    drip.send(bytes([byte]))
                    time.sleep(0.5)
            except OSError:
                pass
        began = time.monotonic()
        thread = threading.Thread(target=slowly)
        thread.start()
        for wire in (drip, unfinished):
            try:
                wire.rest()
            except ConnectionResetError:
                pass
        self.assertLess(time.monotonic() - began, 100)  # the hello alone would take longer
        thread.join()
        self.assertGreater(len(hello), 200)
        self.assertTrue(wait_for(lambda: not self.curl("--cacert", self.ca, f"https://localhost:{server.port}/").status))  # unless it is slow
        server.signal()
        server.wait()
        self.assertRegex(server.said(), "limit handshake_ms reached [2-9] times")

    def test_a_flood_makes_room(self):
        server = self.secure("--workers", 1, "--limit", "handshakes=8", "--limit", "handshake_ms=3600000")
        hello = self.hello()
        wires = []
        for n in range(40):
            wires.append(server.wire())
            wires[-1].send(hello if n % 2 else hello[:50])
            if n % 10 == 9:
                self.assertIn(b"200 OK", self.talk(self.connect(server))[0])
        ended = 0
        for wire in wires[:-8]:
            try:
                wire.rest()
                ended += 1
            except ConnectionResetError:
                ended += 1
        self.assertEqual(ended, 32)
        server.signal()
        server.wait()
        self.assertRegex(server.said(), r"limit handshakes reached 3\d times")
