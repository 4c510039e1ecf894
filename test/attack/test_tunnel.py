"""Attack 68: tunnels to where nobody from outside should come. Rebinding is in test/unit/tunnel.c, with a resolver that
says something else the second time; any address in any of its forms in test/unit/tunnel_rules.c."""
import socket

from harness import Case, Peer, free_port


def greet(peer, wire):
    wire.send(b"INSIDE")


class Inside(Case):
    def setUp(self):
        super().setUp()
        self.peer = Peer(self, greet)
        self.server = self.serve("--connect", "*:*", files={"index.html": "home"})

    def tearDown(self):
        self.assertEqual(self.peer.count, 0, "somebody was connected to")
        self.assertAlive(self.server)

    def refused(self, target, *statuses):
        with self.subTest(target):
            with self.server.wire(seconds=60) as wire:
                wire.send(b"CONNECT " + target.encode() + b" HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n")
                said = wire.rest()
                self.assertNotIn(b"INSIDE", said)
                self.assertEqual(said.count(b"HTTP/1.1 "), 1)
                self.assertIn(int(said.split()[1]), statuses, said[:300])
                return said

    def test_68_loopback_in_every_spelling(self):
        port = self.peer.port
        for host in ("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "017700000001", "0177.0.0.1",
                     "127.000.000.001", "localhost", "LOCALHOST", "localhost.", "a.localhost", "[::1]", "[::ffff:127.0.0.1]",
                     "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "127.8.9.10"):
            self.refused(f"{host}:{port}", 403, 502)

    def test_68_this_machine(self):
        for host in ("0.0.0.0", "0", "[::]", "127.0.0.1"):
            self.refused(f"{host}:{self.server.port}", 403)

    def test_68_other_networks(self):
        for host in ("10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.0.1", "100.64.0.1", "169.254.1.1", "[fe80::1]", "[fd00::1]",
                     "[fec0::1]", "224.0.0.1", "[ff02::1]", "255.255.255.255", "240.0.0.1", "192.0.2.1", "[2001:db8::1]", "3232235521"):
            self.assertIn(b"error=destination_ip_prohibited", self.refused(f"{host}:80", 403) or b"")

    def test_68_metadata(self):
        for host in ("169.254.169.254", "2852039166", "0xa9fea9fe", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "100.100.100.200",
                     "168.63.129.16", "192.0.0.192", "[64:ff9b::a9fe:a9fe]"):
            said = self.refused(f"{host}:80", 403)
            self.assertIn(b"metadata", said or b"")

    def test_68_own_port_in_a_network_that_is_listed(self):
        listed = self.serve("--connect", "127.0.0.0/8:*", files={"index.html": "home"})
        with listed.wire(seconds=60) as wire:
            wire.send(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: h\r\n\r\n" % listed.port)
            self.assertIn(b"403 Forbidden", wire.rest())

    def test_68_own_port_where_proxies_name_the_client(self):
        """A tunnel to ourselves would come from an address that is trusted to say for whom it is."""
        other = free_port()
        listed = self.serve("--connect", "127.0.0.0/8:*", "--trust", "127.0.0.1", "--listen", f"http://127.0.0.1:{other} proxy-protocol",
                            files={"index.html": "home"})
        for port in (listed.port, other):
            with listed.wire(seconds=60) as wire:
                wire.send(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: h\r\n\r\n" % port)
                self.assertIn(b"403 Forbidden", wire.until(b"\r\n"))
        self.assertIn(f"http://127.0.0.1:{other}/ proxy-protocol ", listed.said())

    def test_68_denied_by_default(self):
        closed = self.serve(files={"index.html": "home"})
        with closed.wire(seconds=60) as wire:
            wire.send(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: h\r\n\r\n" % self.peer.port)
            self.assertIn(b"405 Method Not Allowed", wire.rest())

    def test_68_targets_that_are_none(self):
        for target in ("h", "h:", "h:0", "h:65536", "h:-1", "h:http", ":80", "[::1", "[::1]", "h:80/", "http://h/", "/", "u@h:80", "h:80:80",
                       "h\\x:80", "*:80"):
            self.refused(target, 400, 403, 502)

    def test_68_tunnels_without_end(self):
        """A limit for each worker; whoever has gone makes room."""
        gate = self.serve("--workers", "1", "--limit", "tunnels=2", "--limit", "tunnel_drain_ms=10", "--connect", f"127.0.0.1:{self.slow_port()}",
                          files={"index.html": "home"})
        wires, statuses = [], []
        for _ in range(4):
            wire = gate.wire(seconds=60)
            wire.send(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: h\r\n\r\n" % self.port)
            statuses.append(wire.until(b"\r\n\r\n").split()[1])
            wires.append(wire)
        self.assertEqual(statuses, [b"200", b"200", b"503", b"503"])
        self.assertAlive(gate)

    def slow_port(self):
        """Takes connections and says nothing."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.port = listener.getsockname()[1]
        return self.port
