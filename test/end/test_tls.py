"""HTTPS: certificates, versions, resumption, names, reload and faults, with curl, openssl, Python's ssl
and Chromium as peers."""
import base64
import hashlib
import json
import os
import re
import socket
import ssl
import stat
import time

from harness import Case, Peer, free_port, wait_for, with_quic

BIG = os.urandom(3_000_000)


class Tls(Case):
    def setUp(self):
        super().setUp()
        self.state = self.dir / "state"
        self.env = {"XDG_STATE_HOME": str(self.state)}
        self.files = {"index.html": "<title>Safe Page</title><p>home</p>\n", "big": BIG, "small": "s" * 612}
        self.ca = self.state / "tercet" / "authority.pem"

    def openssl(self, *args, stdin=b""):
        got = self.other("openssl", *args, stdin=stdin)
        self.assertEqual(got.status, 0, got)
        return got

    def authority(self, name="ca"):
        """A certificate authority of the test's own: (certificate, key)."""
        crt, key = self.dir / f"{name}.pem", self.dir / f"{name}.key"
        if not crt.exists():
            self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                         "-out", crt, "-days", 30, "-subj", f"/CN=test {name}", "-addext", "keyUsage=critical,digitalSignature,keyCertSign,cRLSign")
        return crt, key

    def certificate(self, name, names, days=30, usage="serverAuth", extra=(), kind=("ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
        """A certificate for these names ("DNS:a.example,IP:127.0.0.1") by that authority: (certificate, key)."""
        ca, ca_key = self.authority()
        crt, key, csr, ext = (self.dir / f"{name}.{e}" for e in ("pem", "key", "csr", "ext"))
        self.openssl("req", "-newkey", *kind, "-nodes", "-keyout", key, "-out", csr,
                     "-subj", f"/CN={name}")
        ext.write_text(f"subjectAltName={names}\nextendedKeyUsage={usage}\nbasicConstraints=CA:FALSE\n"
                       "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")  # Python 3.13 is strict
        self.openssl("x509", "-req", "-in", csr, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-out", crt, "-days", days,
                     "-extfile", ext, *extra)
        return crt, key

    def revoked(self, *certificates, days=9):
        """A list of revoked certificates by that authority."""
        ca, ca_key = self.authority()
        config, index, file = self.dir / "crl.cnf", self.dir / "crl.txt", self.dir / "crl.pem"
        config.write_text(f"[a]\ndatabase={index}\ndefault_md=sha256\n")
        index.write_text("")
        common = ("ca", "-config", config, "-name", "a", "-cert", ca, "-keyfile", ca_key)
        for crt in certificates:
            self.openssl(*common, "-revoke", crt)
        self.openssl(*common, "-gencrl", *(("-crldays", days) if days else ("-crlsec", 1)), "-out", self.dir / "crl.new")
        (self.dir / "crl.new").replace(file)
        return file

    def secure(self, *options, listen=None, **how):
        how.setdefault("files", self.files)
        return self.serve(*options, listen=listen or ["https://127.0.0.1:{port}"], env=self.env, **how)

    def context(self, ca=None, **how):
        context = ssl.create_default_context(cafile=str(ca or self.ca))
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # some builds of Python set it: an end without close_notify is none
        for name, value in how.items():
            setattr(context, name, value)
        return context

    def connect(self, server, context=None, name="localhost", **how):
        plain = socket.create_connection(("127.0.0.1", server.port), 60)
        wire = (context or self.context()).wrap_socket(plain, server_hostname=name, **how)
        self.addCleanup(wire.close)
        return wire

    def talk(self, wire, target="/small", fields="Connection: close\r\n"):
        """Sends one request, reads to the end: head, body."""
        wire.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n".encode())
        got = b""
        while data := wire.recv(1 << 16):
            got += data
        head, _, body = got.partition(b"\r\n\r\n")
        return head, body


class Serving(Tls):
    def test_local_authority(self):
        server = self.secure()
        folder = self.state / "tercet"
        self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o700)
        for name in ("authority.pem", "authority.key", "localhost.pem", "localhost.key"):
            self.assertEqual(stat.S_IMODE((folder / name).stat().st_mode), 0o600, name)
        printed = wait_for(lambda: re.search(r"SHA-256 ([0-9A-F:]{95})\n", server.said()))
        told = self.openssl("x509", "-in", self.ca, "-noout", "-fingerprint", "-sha256").text
        self.assertIn(printed[1], told)
        text = self.openssl("x509", "-in", folder / "localhost.pem", "-noout", "-text").text
        for part in ("DNS:localhost", "IP Address:127.0.0.1", "prime256v1", "TLS Web Server Authentication", socket.gethostname()):
            self.assertIn(part, text)
        self.openssl("verify", "-x509_strict", "-CAfile", self.ca, "-purpose", "sslserver", folder / "localhost.pem")
        server.stop()
        before = self.ca.read_bytes(), (folder / "localhost.pem").read_bytes()
        self.secure()
        self.assertEqual(before, (self.ca.read_bytes(), (folder / "localhost.pem").read_bytes()))

    def test_curl_both_versions(self):
        server = self.secure()
        for version in ("1.2", "1.3"):
            with self.subTest(version):
                got = self.curl("--cacert", self.ca, f"--tlsv{version}", "--tls-max", version, "-w", "%{http_version} %{ssl_verify_result}",
                                "-o", self.dir / "got", f"https://127.0.0.1:{server.port}/big")
                self.assertEqual((got.status, got.text), (0, "2 0"), got)
                self.assertEqual((self.dir / "got").read_bytes(), BIG)
        old = self.curl("--cacert", self.ca, "--tls-max", "1.1", f"https://127.0.0.1:{server.port}/", "--ciphers", "DEFAULT@SECLEVEL=0")
        self.assertEqual(old.status, 35)

    def test_what_is_chosen(self):
        server = self.secure()
        context = self.context()
        context.set_alpn_protocols(["h7", "http/1.1"])
        wire = self.connect(server, context)
        self.assertEqual(wire.version(), "TLSv1.3")
        self.assertEqual(wire.cipher()[0], "TLS_AES_128_GCM_SHA256")
        self.assertEqual(wire.selected_alpn_protocol(), "http/1.1")
        head, body = self.talk(wire)
        self.assertIn(b"200 OK", head)
        self.assertEqual(len(body), 612)
        context.set_alpn_protocols(["h7"])
        with self.assertRaises(ssl.SSLError):
            self.connect(server, context)
        self.assertIn(b"200 OK", self.talk(self.connect(server))[0])  # no ALPN at all

    def test_scheme_is_https(self):
        server = self.secure()
        wire = self.connect(server)
        self.assertIn(b"https", self.talk(wire, "/echo", "Accept: text/plain\r\nConnection: close\r\n")[1].split(b"Fields")[0])

    def test_pipelined_and_kept(self):
        server = self.secure()
        wire = self.connect(server)
        one = b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n"
        wire.sendall(one * 50)
        got = b""
        while got.count(b"HTTP/1.1 200") < 50 or not got.endswith(b"s" * 612):
            got += wire.recv(1 << 16)
        self.assertEqual(got.count(b"s" * 612), 50)

    def test_no_09_over_tls(self):
        server = self.secure()
        wire = self.connect(server)
        wire.sendall(b"GET /small\r\n")
        self.assertIn(b"HTTP/1.1 400", wire.recv(4096))

    def test_upload(self):
        server = self.secure()
        wire = self.connect(server)
        wire.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nAccept: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(BIG) + BIG)
        got = b""
        while data := wire.recv(1 << 16):
            got += data
        self.assertIn(hashlib.sha256(BIG).hexdigest().encode(), got)

    def test_end_is_told(self):
        """close_notify: Python raises for an end without it (suppress_ragged_eofs is off)."""
        server = self.secure()
        wire = self.connect(server, suppress_ragged_eofs=False)
        head, body = self.talk(wire)
        self.assertEqual(len(body), 612)
        wire = self.connect(server, suppress_ragged_eofs=False)
        wire.sendall(b"GET /big HTTP/1.0\r\n\r\n")
        got = b""
        while data := wire.recv(1 << 16):
            got += data
        self.assertTrue(got.endswith(BIG))

    def test_resumption(self):
        server = self.secure()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                context = self.context(minimum_version=version, maximum_version=version)
                first = self.connect(server, context)
                self.talk(first)
                self.assertFalse(first.session_reused)
                second = self.connect(server, context, session=first.session)
                self.talk(second)
                self.assertTrue(second.session_reused)

    def test_tickets_off(self):
        server = self.secure("--tickets", "off")
        context = self.context()
        first = self.connect(server, context)
        self.talk(first)
        self.assertFalse(first.session.has_ticket)

    def test_tickets_are_shared(self):
        file = self.dir / "tickets"
        one = self.secure("--tickets", file)
        self.assertEqual((file.stat().st_size, stat.S_IMODE(file.stat().st_mode)), (64, 0o600))
        two = self.secure("--tickets", file)
        context = self.context()
        first = self.connect(one, context)
        self.talk(first)
        second = self.connect(two, context, session=first.session)
        self.talk(second)
        self.assertTrue(second.session_reused)
        file.write_bytes(b"short")
        bad = self.tercet("serve", self.dir, "--listen", f"https://127.0.0.1:{free_port()}", "--tickets", file, env=self.env)
        self.assertEqual(bad.status, 26, bad)

    def served_name(self, server, name):
        context = ssl._create_unverified_context()
        wire = self.connect(server, context, name=name)
        text = self.openssl("x509", "-inform", "DER", "-noout", "-subject", stdin=wire.getpeercert(True)).text
        return text.strip().rpartition("=")[2].strip()

    def test_certificate_by_name(self):
        options = []
        for name, names in (("first", "DNS:first.example"), ("wild", "DNS:*.example.org"), ("exact", "DNS:a.example.org")):
            crt, key = self.certificate(name, names)
            options += ["--cert", crt, "--key", key]
        server = self.secure(*options)
        for asked, shown in (("first.example", "first"), ("b.example.org", "wild"), ("a.example.org", "exact"), ("A.Example.ORG", "exact"),
                             ("x.y.example.org", "first"), ("example.org", "first"), ("unknown", "first"), (None, "first")):
            with self.subTest(asked):
                self.assertEqual(self.served_name(server, asked), shown)

    def test_files_are_taken_up(self):
        crt, key = self.certificate("site", "DNS:localhost")
        server = self.secure("--limit", "idle_ms=3600000", "--cert", crt, "--key", key)
        self.assertEqual(self.served_name(server, "localhost"), "site")
        kept = self.connect(server, self.context(self.authority()[0]))
        new_crt, new_key = self.certificate("renewed", "DNS:localhost")
        new_key.replace(key)
        new_crt.replace(crt)
        self.assertTrue(wait_for(lambda: self.served_name(server, "localhost") == "renewed", every=0.3))
        self.assertTrue(wait_for(lambda: "taken up" in server.said()))
        crt.write_text("garbage")
        self.assertTrue(wait_for(lambda: self.served_name(server, "localhost") and "the old one serves on" in server.said(), every=0.3))
        self.assertEqual(self.served_name(server, "localhost"), "renewed")
        self.assertIn(b"200 OK", self.talk(kept)[0])

    def test_own_certificate_faults(self):
        crt, _ = self.certificate("one", "DNS:localhost")
        _, other = self.certificate("two", "DNS:localhost")
        url = f"https://127.0.0.1:{free_port()}"
        for options, words in ((("--cert", crt, "--key", other), "is not the key"), (("--cert", self.dir / "none.pem"), "none.pem"),
                               (("--cert", self.dir / "one.csr"), "one.csr")):
            with self.subTest(options):
                got = self.tercet("serve", self.dir, "--listen", url, *options, env=self.env)
                self.assertEqual(got.status, 58, got)
                self.assertIn(words, got.err)
        for options in (("--key", other), ("--cert", crt, "--key", other, "--key", other)):
            self.assertEqual(self.tercet("serve", self.dir, "--listen", url, *options, env=self.env).status, 2)
        self.assertEqual(self.tercet("serve", self.dir, "--listen", "http://127.0.0.1:1", "--cert", crt, env=self.env).status, 2)


class Faults(Tls):
    def alive(self, server):
        self.assertIn(b"200 OK", self.talk(self.connect(server))[0])

    def test_plaintext_before_the_handshake(self):
        server = self.secure()
        for hello in (b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /small\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"P"):
            with self.subTest(hello):
                got = self.assertRefused(server.raw(hello, True), 400)
                self.assertEqual(got.body, b"This port speaks HTTPS: the address begins with https://\n")
        for first in (b"\0" * 100, b"\x16\x03\x01\xff\xff" + b"a" * 70000,
                      b"\x15\x03\x03\x00\x02\x02\x28", b"\x17\x03\x03\x00\x10" + b"b" * 16, b"\x16\x03\x01\x00\x04\x0b\x00\x00\x00"):
            with self.subTest(first[:20]), server.wire() as wire:
                try:
                    wire.send(first).end()
                    got = wire.rest()
                except OSError:  # reset, or closed before all of it was sent
                    got = b""
                self.assertNotIn(b"HTTP", got)
                self.assertLess(len(got), 100)
        self.alive(server)

    def test_plaintext_between_hello_and_finished(self):
        server = self.secure()
        context = self.context()
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        half = context.wrap_bio(into, out, server_hostname="localhost")
        with self.assertRaises(ssl.SSLWantReadError):
            half.do_handshake()
        with server.wire() as wire:
            wire.send(out.read() + b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").end()
            try:
                self.assertNotIn(b"HTTP/1.1", wire.rest())
            except ConnectionResetError:
                pass
        self.alive(server)

    def test_slow_handshake(self):
        server = self.secure("--limit", "handshake_ms=2000")
        silent, begun = server.wire(), server.wire()
        begun.send(b"\x16\x03\x01\x02\x00\x01")
        self.assertTrue(begun.ended())
        silent.send(b"\x16")
        self.assertTrue(silent.ended())
        self.assertTrue(wait_for(lambda: not self.curl("--cacert", self.ca, f"https://localhost:{server.port}/").status))  # unless it is slow
        server.signal()
        server.wait()
        self.assertRegex(server.said(), "limit handshake_ms reached [2-9] times")

    def test_renegotiation_is_refused(self):
        server = self.secure()
        got = self.other("openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_2", stdin=b"R\n", seconds=300)
        self.assertNotIn("Verify return code: 0 (ok)\n---\nRENEGOTIATING\ndepth", got.text)
        self.assertRegex(got.text + got.err, r"RENEGOTIATING")
        self.assertRegex(got.err, r"(?i)no renegotiation|unexpected|alert|error")
        self.alive(server)

    def test_cut_off_in_a_request(self):
        server = self.secure()
        wire = self.connect(server)
        wire.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc")
        os.close(wire.detach())
        self.alive(server)

    def test_broken_record(self):
        server = self.secure()
        context = self.context()
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        half = context.wrap_bio(into, out, server_hostname="localhost")
        with server.wire() as wire:
            while True:
                try:
                    half.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    wire.send(out.read())
                    wire.more()
                    into.write(wire.take(1 << 20))
            half.write(b"GET /small HTTP/1.1\r\nHost: h\r\n\r\n")
            data = bytearray(out.read())
            data[-1] ^= 1
            wire.send(bytes(data)).end()
            try:
                self.assertNotIn(b"ssssss", wire.rest())
            except ConnectionResetError:
                pass
        self.alive(server)

    def test_slow_reader_and_many(self):
        server = self.secure()
        slow = [self.connect(server) for _ in range(8)]
        for wire in slow:
            wire.sendall(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n")
        self.alive(server)
        time.sleep(0.3)
        for wire in slow:
            got = b""
            while len(got) < len(BIG) + 100 and (data := wire.recv(1 << 16)):
                got += data
                if got.endswith(BIG):
                    break
            self.assertTrue(got.endswith(BIG))


class Client(Tls):
    """`tercet get https://` against servers of Python's ssl."""
    OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

    def peer(self, pair, *parts, cut=False, verify=None, versions=None):
        """A server with that certificate, which answers requests with parts. cut: it ends without close_notify."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)
        if verify:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(verify)
        if versions:
            context.minimum_version = context.maximum_version = versions
        self.seen = []

        def talk(peer, wire):
            wire.sock = context.wrap_socket(wire.sock, server_side=True)
            self.seen.append((wire.sock.version(), wire.sock.getpeercert()))
            peer.request(wire)
            for part in parts:
                wire.send(part)
            if not cut:
                wire.sock.unwrap()
            os.close(wire.sock.detach())
        return Peer(self, talk)

    def get(self, peer, *options, host="localhost", **how):
        return self.tercet("get", *options, f"https://{host}:{peer.port}/", env=self.env, **how)

    def good(self, name="good", names="DNS:localhost,IP:127.0.0.1", **how):
        return self.certificate(name, names, **how)

    def trusted(self):
        return "--cacert", self.authority()[0]

    def test_both_versions(self):
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLS 1.2"), (ssl.TLSVersion.TLSv1_3, "TLS 1.3")):
            with self.subTest(name):
                peer = self.peer(self.good(), self.OK, versions=version)
                for host in ("localhost", "127.0.0.1"):
                    self.assertEqual(self.get(peer, *self.trusted(), host=host).text, "hello")
                told = json.loads(self.get(peer, "--json", *self.trusted()).text)["exchanges"][0]
                self.assertEqual(told["connection"]["link"], "tls")
                self.assertEqual(told["connection"]["tls"]["version"], name)
                self.assertTrue(told["connection"]["tls"]["verified"])
                self.assertGreater(told["phases"]["connect"]["tls_ms"], 0)

    def test_certificates_that_are_wrong(self):
        expired = self.good("expired", days=0)
        time.sleep(1.1)
        for name, pair, host, sentence, why in (
                ("expired", expired, "localhost", "has expired", "it ended on"),
                ("name", self.good("wrong", "DNS:a.example,DNS:*.b.example"), "localhost", "is for another name",
                 "it is for a.example, *.b.example, not for localhost"),
                ("address", self.good("noip", "DNS:localhost"), "127.0.0.1", "is for another name", "not for 127.0.0.1"),
                ("purpose", self.good("client", usage="clientAuth"), "localhost", "is not for servers", ""),
                ("self-signed", self.authority("other"), "localhost", "is self-signed", "test other")):
            with self.subTest(name):
                peer = self.peer(pair, self.OK)
                got = self.get(peer, *self.trusted(), host=host)
                self.assertEqual((got.status, got.out), (60, b""), got)
                self.assertIn(sentence, got.err)
                self.assertIn(why, got.err)
                self.assertEqual(peer.heads, [], "a request was sent")
                loud = self.get(peer, "--insecure", host=host)
                self.assertEqual((loud.status, loud.text), (0, "hello"), loud)
                self.assertIn("--insecure: whoever answers is believed", loud.err)

    def test_unknown_authority(self):
        peer = self.peer(self.good(), self.OK)
        got = self.get(peer)
        self.assertEqual(got.status, 60, got)
        self.assertIn("unknown authority", got.err)
        told = json.loads(self.get(peer, "--json", "-q").text)["exchanges"][0]
        self.assertEqual((told["error"]["name"], told["error"]["phase"], told["request"]), ("CERT_AUTHORITY", "connect", None))

    def test_truncated(self):
        """Content that ends with the connection is whole only if TLS says that it ends."""
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
        whole = self.get(self.peer(self.good(), head, b"all of it"), *self.trusted())
        self.assertEqual((whole.status, whole.text), (0, "all of it"), whole)
        cut = self.get(self.peer(self.good(), head, b"part of it", cut=True), *self.trusted())
        self.assertEqual((cut.status, cut.text), (56, "part of it"), cut)
        self.assertIn("cut off", cut.err)
        known = self.get(self.peer(self.good(), self.OK, cut=True), *self.trusted())
        self.assertEqual((known.status, known.text), (0, "hello"), known)

    def test_own_certificate(self):
        crt, key = self.certificate("me", "email:me@example.org", usage="clientAuth")
        peer = self.peer(self.good(), self.OK, verify=self.authority()[0])
        got = self.get(peer, *self.trusted(), "--cert", crt, "--key", key)
        self.assertEqual(got.text, "hello", got)
        self.assertIn((("commonName", "me"),), self.seen[0][1]["subject"])
        without = self.get(peer, *self.trusted())
        self.assertEqual(without.status, 58, without)
        self.assertIn("the server wants a certificate of ours: --cert, --key", without.err)
        self.assertEqual(self.get(peer, *self.trusted(), "--cert", crt, "--key", self.good("second")[1]).status, 58)

    def test_files_that_cannot_be_used(self):
        peer = self.peer(self.good(), self.OK)
        for file in (self.dir / "none.pem", self.dir / "good.key"):
            self.assertEqual(self.get(peer, "--cacert", file).status, 77)
        self.assertEqual(self.get(peer, "--cacert", self.authority()[0], "--insecure").status, 2)
        self.assertEqual(self.get(peer, "--key", self.authority()[1]).status, 2)
        self.assertEqual(self.get(peer, "--http", "0.9").status, 1)

    def test_no_tls_there(self):
        def talk(peer, wire):
            wire.more()
            wire.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        got = self.tercet("get", f"https://localhost:{Peer(self, talk).port}/")
        self.assertEqual(got.status, 35, got)
        self.assertIn("does not speak TLS", got.err)
        got = self.tercet("get", f"https://localhost:{Peer(self, lambda peer, wire: wire.more()).port}/")
        self.assertEqual(got.status, 35, got)

    def test_silent_server(self):
        peer = Peer(self, lambda peer, wire: wire.rest())
        got = self.get(peer, "--limit", "handshake_ms=300")
        self.assertEqual(got.status, 28, got)
        got = self.get(peer, "--max-time", "0.3")
        self.assertEqual(got.status, 28, got)

    def test_own_server(self):
        server = self.secure("--language", "en")
        url = f"https://localhost:{server.port}"
        got = self.tercet("get", f"{url}/big", "-o", "got", env=self.env)
        self.assertEqual(got.status, 0, got)
        self.assertEqual((self.dir / "got").read_bytes(), BIG)
        told = json.loads(self.tercet("get", "--json", f"{url}/small", f"{url}/index.html", env=self.env).text)["exchanges"]
        self.assertEqual([e["connection"]["reused"] for e in told], [False, True])
        got = self.tercet("post", f"{url}/echo", "Accept:text/plain", "--data", "-", stdin=BIG, env=self.env)
        self.assertIn(hashlib.sha256(BIG).hexdigest(), got.text)

    def test_key_log(self):
        server = self.secure()
        log = self.dir / "keys"
        self.tercet("get", f"https://localhost:{server.port}/", env=dict(self.env, SSLKEYLOGFILE=str(log)))
        self.assertRegex(log.read_text(), r"(?m)^CLIENT_TRAFFIC_SECRET_0 [0-9a-f]{64} [0-9a-f]+$")

    def test_key_log_is_for_its_owner(self):
        server, log = self.secure(), self.dir / "keys"
        url = f"https://localhost:{server.port}/"
        self.tercet("get", url, env=dict(self.env, SSLKEYLOGFILE=str(log)))
        self.assertEqual(log.stat().st_mode & 0o777, 0o600)
        got = self.tercet("get", url, env=dict(self.env, SSLKEYLOGFILE=str(self.dir / "no" / "keys")))
        self.assertEqual(got.status, 0, got)
        self.assertEqual(got.err.count("no secrets are written"), 1, got.err)

    def test_secrets_that_others_may_read(self):
        (self.dir / "tickets").write_bytes(os.urandom(64))
        (self.dir / "tickets").chmod(0o644)
        server = self.secure("--tickets", self.dir / "tickets")
        self.assertIn("tickets is secret, and others may read it (mode 644)", server.said())
        self.assertNotIn("authority.key is secret", server.said())
        (self.state / "tercet" / "authority.key").chmod(0o640)
        self.assertIn("authority.key is secret, and others may read it (mode 640)", self.secure().said())

    def test_key_that_is_missing(self):
        pair = self.certificate("alone", "DNS:localhost")
        got = self.tercet("serve", "--cert", pair[0], "--listen=https://localhost:0", env=self.env)
        self.assertEqual(got.status, 58, got)
        self.assertIn("alone.pem: there is no private key in it; --key FILE names one", got.err)
        server = self.secure()
        got = self.tercet("get", "--cert", pair[0], f"https://localhost:{server.port}/", env=self.env)
        self.assertEqual(got.status, 58, got)
        self.assertIn("alone.pem: there is no private key in it; --key FILE names one", got.err)

    def test_certificate_that_nobody_will_believe(self):
        pair = self.certificate("client", "DNS:localhost", usage="clientAuth")
        server = self.secure("--cert", pair[0], "--key", pair[1])
        self.assertIn("client.pem: it is not for servers; clients will not believe", server.said())
        late = self.certificate("late", "DNS:localhost", days=0)
        time.sleep(1.1)
        server = self.secure("--cert", late[0], "--key", late[1])
        self.assertIn("late.pem: it has expired; clients will not believe", server.said())
        good = self.certificate("good", "DNS:localhost")
        server = self.secure("--cert", good[0], "--key", good[1])
        self.assertNotIn("will not believe", server.said())

    def test_insecure_is_silent_in_clear_text(self):
        server = self.serve()
        got = self.tercet("get", "--insecure", f"http://localhost:{server.port}/", env=self.env)
        self.assertEqual((got.status, got.err), (0, ""), got)

    def test_redirect_between_schemes(self):
        safe = self.peer(self.good(), self.OK)

        def talk(peer, wire):
            peer.request(wire)
            wire.send(f"HTTP/1.1 301 Moved\r\nLocation: https://localhost:{safe.port}/\r\nContent-Length: 0\r\n\r\n")
        got = self.tercet("get", "-L", *self.trusted(), Peer(self, talk).url, "Authorization:Basic c2VjcmV0", env=self.env)
        self.assertEqual(got.text, "hello", got)
        self.assertNotIn(b"c2VjcmV0", safe.heads[0])


class Defaults(Tls):
    def test_named_listener_that_is_taken(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            got = self.tercet("serve", self.dir, "--listen", f"https://127.0.0.1:{holder.getsockname()[1]}", env=self.env)
            self.assertEqual(got.status, 98, got)

    def test_both_schemes(self):
        second = free_port()
        server = self.secure(listen=["http://127.0.0.1:{port}", f"https://127.0.0.1:{second}"])
        self.assertEqual(server.ask("/small").status, 200)
        got = self.curl("--cacert", self.ca, f"https://127.0.0.1:{second}/small")
        self.assertEqual(got.text, "s" * 612)
        self.assertTrue(wait_for(lambda: f"https://127.0.0.1:{second}/    HTTP/1.0 1.1 2{' 3' if with_quic() else ''}, TLS 1.2 1.3" in server.said()))

    def test_chromium(self):
        server = self.secure(listen=["https://127.0.0.1:{port}"])
        public = self.openssl("x509", "-in", self.state / "tercet" / "localhost.pem", "-noout", "-pubkey").out
        der = self.openssl("pkey", "-pubin", "-outform", "DER", stdin=public).out
        pin = base64.b64encode(hashlib.sha256(der).digest()).decode()
        got = self.other("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
                         "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"--user-data-dir={self.dir}/profile",
                         "--virtual-time-budget=3000", f"--ignore-certificate-errors-spki-list={pin}", "--dump-dom",
                         f"https://127.0.0.1:{server.port}/", seconds=300, group=True)
        self.assertIn("Safe Page", got.text)
