"""--qlog: connections of HTTP/3 and 2 as files that say what happened on them, at both ends, and that keep to the
schema (qlog_schema.py)."""
import os
import select
import socket
import stat
import threading

import qlog_schema
from harness import PROGRAM, needs_quic
from test_tls import BIG, Tls


class Relay:
    """A UDP relay for one client, which loses every so manieth datagram of the server's."""

    def __init__(self, test, port, every):
        self.front, self.back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self.front.bind(("127.0.0.1", 0))
        self.back.connect(("127.0.0.1", port))
        self.port, self.every, self.lost, self.over = self.front.getsockname()[1], every, 0, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        test.addCleanup(self.end)

    def end(self):
        self.over = True
        self.thread.join()
        self.front.close()
        self.back.close()

    def run(self):
        client, count = None, 0
        while not self.over:
            for s in select.select((self.front, self.back), (), (), 0.1)[0]:
                try:
                    data, sender = s.recvfrom(65536)
                    if s is self.front:
                        client = sender
                        self.back.send(data)
                        continue
                    count += 1
                    if count > 10 and count % self.every == 0:
                        self.lost += 1
                    else:
                        self.front.sendto(data, client)
                except OSError:
                    pass  # one of them is gone


class Qlog(Tls):
    def setUp(self):
        super().setUp()
        self.logs = self.dir / "logs"
        self.logs.mkdir()

    def traces(self, server=None):
        """What lies in the folder, checked: {role: [(header, events)]}."""
        if server:
            server.signal()
            server.wait()
        found = {"client": [], "server": []}
        for path in sorted(self.logs.iterdir()):
            self.assertRegex(path.name, r"^\d{8}T\d{6}\.\d{3}Z-(client|server)-([0-9a-f]+|tcp-\d+-\d+)(-\d+)?\.sqlog$")
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            trace = qlog_schema.read(path)
            role = trace[0]["trace"]["vantage_point"]["type"]
            self.assertIn(f"-{role}-", path.name)
            found[role].append(trace)
        return found

    def get(self, port, version, *options, paths=("/big",), items=(), status=0, **how):
        urls = [f"https://127.0.0.1:{port}{path}" for path in paths]
        got = self.tercet("get", "-q", "--http", version, "--cacert", self.ca, "--qlog", self.logs, *options, *urls, *items, env=self.env, **how)
        self.assertEqual(got.status, status, got.err)
        return got

    @staticmethod
    def of(events, *names):
        return [e["data"] for e in events if e["name"] in names]

    def frames(self, events, name, kind):
        return [d for d in self.of(events, name) if d["frame"]["frame_type"] == kind]

    def fields(self, frame):
        return {f["name"]: f["value"] for f in frame["frame"]["headers"]}

    def check_messages(self, events, space, ours, theirs, bodies):
        """At a client: the request's and the response's frames."""
        for frame in self.frames(events, f"{space}:{ours}", "headers"):
            self.assertEqual(self.fields(frame)[":method"], "GET")
        for frame in self.frames(events, f"{space}:{theirs}", "headers"):
            self.assertEqual(self.fields(frame)[":status"], "200")
        self.assertEqual(len(self.frames(events, f"{space}:{ours}", "headers")), bodies)
        self.assertEqual(len(self.frames(events, f"{space}:{theirs}", "headers")), bodies)
        for name in ours, theirs:
            self.assertTrue(self.frames(events, f"{space}:{name}", "settings"))

    @needs_quic
    def test_http3(self):
        server = self.secure("--qlog", self.logs)
        self.get(server.port, 3, paths=("/big", "/small"))
        traces = self.traces(server)
        (client, at_client), = traces["client"]
        (served, at_server), = traces["server"]
        self.assertEqual(client["trace"]["common_fields"]["ODCID"], served["trace"]["common_fields"]["ODCID"])
        self.assertLess(abs(client["trace"]["common_fields"]["reference_time"] - served["trace"]["common_fields"]["reference_time"]), 60000)
        self.check_messages(at_client, "http", "frame_created", "frame_parsed", 2)
        self.check_messages(at_server, "http", "frame_parsed", "frame_created", 2)
        data = self.frames(at_client, "http:frame_parsed", "data")
        self.assertEqual(sum(d["length"] for d in data), len(BIG) + 612)
        self.assertEqual({d["stream_id"] for d in data}, {0, 4})
        # what one end sent is what the other got; nothing was lost but, perhaps, what closes
        sent = self.of(at_server, "transport:packet_sent")
        got = self.of(at_client, "transport:packet_received")
        self.assertGreater(len(sent), 20)
        for packets in sent, got:
            for packet in packets:
                self.assertTrue(packet["frames"], packet)
        lengths = [{(p["header"]["packet_type"], p["header"]["packet_number"]): p["raw"]["length"] for p in packets if "raw" in p}
                   for packets in (sent, got)]
        for packet, length in lengths[1].items():
            self.assertEqual(length, lengths[0][packet], packet)
        streams = {}
        for packet in got:
            for frame in packet["frames"]:
                if frame["frame_type"] == "stream" and frame["stream_id"] % 4 == 0:
                    end = frame["offset"] + frame["length"]
                    streams[frame["stream_id"]] = max(streams.get(frame["stream_id"], 0), end)
        moved = {}
        for d in self.of(at_client, "transport:data_moved"):
            if d["to"] == "application":
                moved[d["stream_id"]] = moved.get(d["stream_id"], 0) + d["length"]
        self.assertEqual(streams, {sid: n for sid, n in moved.items() if sid % 4 == 0})
        self.assertGreater(streams[0], len(BIG))
        for events in at_client, at_server:
            self.assertEqual({d["owner"] for d in self.of(events, "transport:parameters_set")}, {"local", "remote"})
            self.assertEqual({d["owner"] for d in self.of(events, "http:parameters_set")}, {"local", "remote"})
            self.assertEqual([d["new"] for d in self.of(events, "connectivity:connection_state_updated")],
                             ["attempted", "handshake_complete", "closed"])
            self.assertEqual(sorted(d["new"] for d in self.of(events, "http:stream_type_set")),
                             ["control"] * 2 + ["qpack_decode"] * 2 + ["qpack_encode"] * 2)
            self.assertIn("smoothed_rtt", self.of(events, "recovery:metrics_updated")[-1])
            self.assertEqual({d["key_type"] for d in self.of(events, "security:key_updated")},
                             {f"{who}_{what}_secret" for who in ("client", "server") for what in ("handshake", "1rtt")})
        closed, = self.of(at_client, "connectivity:connection_closed")
        self.assertEqual(closed, {"owner": "local", "application_code": 0x100, "trigger": "clean"})

    def test_http2(self):
        server = self.secure("--qlog", self.logs)
        self.get(server.port, 2, paths=("/big", "/small"))
        traces = self.traces(server)
        (_, at_client), = traces["client"]
        (_, at_server), = traces["server"]
        self.check_messages(at_client, "http2", "frame_created", "frame_parsed", 2)
        self.check_messages(at_server, "http2", "frame_parsed", "frame_created", 2)
        for events, name in (at_client, "http2:frame_parsed"), (at_server, "http2:frame_created"):
            data = self.frames(events, name, "data")
            self.assertEqual(sum(d["payload_length"] for d in data), len(BIG) + 612)
            self.assertEqual(sum(d["frame"]["stream_end"] for d in data), 2)

    def test_many_requests_alike(self):
        """Requests that come again are shown whole, though a server need not decode them again."""
        server = self.secure("--qlog", self.logs)
        self.get(server.port, 2, paths=("/small",) * 12)
        for role, name in ("server", "http2:frame_parsed"), ("client", "http2:frame_parsed"):
            (_, events), = self.traces(server if role == "server" else None)[role]
            heads = self.frames(events, name, "headers")
            self.assertEqual(len(heads), 12)
            for head in heads:
                self.assertIn(":path" if role == "server" else "content-length", self.fields(head))

    @needs_quic
    def test_secrets(self):
        server = self.secure("--qlog", self.logs)
        for version in 2, 3:
            for option, value in ((), "......"), (("--show-secrets",), "a=secret"):
                with self.subTest((version, option)):
                    for path in self.logs.glob("*-client-*"):
                        path.unlink()
                    self.get(server.port, version, *option, items=("Cookie:a=secret",), paths=("/small",))
                    path, = self.logs.glob("*-client-*")
                    _, events = qlog_schema.read(path)
                    head, = self.frames(events, f"http{'2' if version == 2 else ''}:frame_created", "headers")
                    self.assertEqual(self.fields(head)["cookie"], value)
        server.signal()
        server.wait()
        served = [path.read_text() for path in self.logs.glob("*-server-*")]
        self.assertEqual(len(served), 4)
        for text in served:
            self.assertNotIn("a=secret", text)
            self.assertIn("cookie", text)

    def test_http1_has_none(self):
        server = self.secure("--qlog", self.logs)
        self.get(server.port, "1.1")
        self.assertEqual(self.traces(server), {"client": [], "server": []})

    @needs_quic
    def test_nothing_is_overwritten(self):
        server = self.secure("--qlog", self.logs, "--workers", 2)
        for _ in range(4):
            self.get(server.port, 3, paths=("/small",))
            self.get(server.port, 2, paths=("/small",))
        traces = self.traces(server)
        self.assertEqual([len(traces[role]) for role in ("client", "server")], [8, 8])

    @needs_quic
    def test_loss(self):
        server = self.secure("--qlog", self.logs)
        relay = Relay(self, server.port, 15)
        got = self.get(relay.port, 3, seconds=300)
        self.assertEqual(got.out, BIG)
        traces = self.traces(server)
        (_, events), = traces["server"]
        self.assertGreater(relay.lost, 2)
        lost = [d["header"] for d in self.of(events, "recovery:packet_lost")]
        sent = [d["header"]["packet_number"] for d in self.of(events, "transport:packet_sent") if d["header"]["packet_type"] == "1RTT"]
        self.assertTrue(lost)
        for header in lost:
            if header["packet_type"] == "1RTT":
                self.assertIn(header["packet_number"], sent)
        windows = [d["congestion_window"] for d in self.of(events, "recovery:metrics_updated")]
        self.assertTrue(any(after < before for before, after in zip(windows, windows[1:])), windows)

    def test_no_such_folder(self):
        file = self.dir / "file"
        file.write_text("")
        for where, why in (self.dir / "none", "No such file or directory"), (file, "Not a directory"):
            for words in ("get", "https://127.0.0.1:1/"), ("serve", self.dir):
                with self.subTest(words[0], where=where):
                    got = self.tercet(*words, "--qlog", where, env=self.env)
                    self.assertEqual(got.status, 23, got)
                    self.assertIn(f"--qlog {where}: {why}\n", got.err)
                    self.assertIn("a folder is wanted", got.err)

    @needs_quic
    def test_a_folder_that_takes_no_files(self):
        """Root is told when the first file cannot be made, and served all the same; others at once."""
        server = self.secure()
        self.logs = "/proc"
        root = os.getuid() == 0
        got = self.get(server.port, 3, paths=("/small", "/small"), status=0 if root else 23)
        self.assertEqual(got.err.count("--qlog /proc: "), 1, got.err)
        self.assertEqual(got.out, b"s" * 1224 if root else b"")

    @needs_quic
    def test_full_disk(self):
        """Files may only grow so far: that is said once, and what was asked for comes all the same."""
        server = self.secure()
        urls = [f"https://{host}:{server.port}/small" for host in ("127.0.0.1", "localhost")]
        got = self.other("bash", "-c", 'trap "" XFSZ; ulimit -f 4; exec "$@"', "bash", PROGRAM, "get", "-q", "--no-alt-svc",
                         "--http", 3, "--cacert", self.ca, "--qlog", self.logs, *urls)
        self.assertEqual(got.status, 0, got.err)
        self.assertEqual(got.out, b"s" * 1224)
        self.assertEqual(got.err.count("--qlog"), 1, got.err)
        self.assertIn("File too large", got.err)
        sizes = sorted(p.stat().st_size for p in self.logs.iterdir())  # localhost may have been tried by IPv6
        self.assertEqual(sizes[-2:], [4096] * 2)

    @needs_quic
    def test_limits(self):
        server = self.secure("--qlog", self.logs, "--workers", 1, "--limit", "qlogs=2", "--limit", "qlog_bytes=50000")
        for _ in range(3):
            self.tercet("get", "-q", "--http", 3, "--cacert", self.ca, f"https://127.0.0.1:{server.port}/big", env=self.env)
        traces = self.traces(server)
        self.assertEqual(len(traces["server"]), 2)
        self.assertLessEqual(max(p.stat().st_size for p in self.logs.iterdir()), 50000)
        self.assertIn("limit qlogs reached 1 time", server.said())
        self.assertIn("limit qlog_bytes reached 2 times", server.said())
