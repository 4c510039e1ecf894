"""One server for who looks on, however many processes it is: what is counted goes on over reloads, upgrades and crashes,
and is exactly what clients were answered; how many processes there may be."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.request

import harness
from harness import PROGRAM, environment, needs_quic, wait_for
from test_admin import read_page
from test_master import Master


def value(page, name, **labels):
    """The sum of what has these labels."""
    return sum(v for (n, l), v in page.items() if n == name and set(labels.items()) <= set(l))


class Counted(Master):
    def counting(self, *options, **how):
        server = self.master("--admin", "http://127.0.0.1:0", *options, **how)
        self.admin = re.search(r"admin +(http://127\.0\.0\.1:\d+)/metrics", server.said())[1]
        return server

    def page(self):
        """By what every worker says: a slow one is told of as it was before."""
        def look():
            with urllib.request.urlopen(f"{self.admin}/metrics", timeout=120) as got:
                page = read_page(got.read().decode())
            return page if not value(page, "tercet_workers_silent") else None
        page = wait_for(look)
        self.assertTrue(page, "a worker says nothing")
        return page

    def until(self, wanted, name, **labels):
        """The page on which that is so; gauges and ends of others come a moment later."""
        def look():
            page = self.page()
            return page if value(page, name, **labels) == wanted else None
        page = wait_for(look, every=0.1)
        if not page:
            page = self.page()
            self.fail(f"{name} {labels} is {value(page, name, **labels)}, not {wanted}: {server_counts(page)}")
        return page

    def settled(self, server):
        """When all is over and one generation is left."""
        self.one_generation(server)
        self.until(1, "tercet_generations")
        return self.until(0, "tercet_connections_open")

    def newest(self, server, than=()):
        """Its process, once those before it accept nobody any more."""
        def listens(pid):
            port = f":{server.port:04X}"
            lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()
            inodes = {f"socket:[{l.split()[9]}]" for l in lines[1:] if l.split()[1].endswith(port) and l.split()[3] == "0A"}
            try:
                return any(os.readlink(f"/proc/{pid}/fd/{fd}") in inodes for fd in os.listdir(f"/proc/{pid}/fd"))
            except FileNotFoundError:
                return None  # a descriptor is gone meanwhile

        def one():
            pids = [pid for pid in self.children(server) if listens(pid) is not False]
            return pids[0] if len(pids) == 1 and pids[0] not in than else None
        pid = wait_for(one)
        self.assertTrue(pid)
        return pid

    def held(self, server):
        return self.begun(server)


def server_counts(page):
    return {n: v for n, v in page.items() if n[0].startswith(("tercet_exchanges", "tercet_conn", "tercet_gen")) and v}


class Continues(Counted):
    def test_over_reloads(self):
        server = self.counting()
        before = value(self.settled(server), "tercet_connections_total")  # of the harness, which looked whether it is there
        sent = 0
        for n in range(1, 6):
            for _ in range(n):
                server.ask("/")
                server.ask("/none")
                sent += 2
            self.reload()
            page = self.settled(server)
            for status in (200, 404):
                self.assertEqual(value(page, "tercet_exchanges_total", status=str(status)), sent / 2)
            self.assertEqual(value(page, "tercet_connections_total") - before, sent)
            self.assertEqual(value(page, "tercet_exchange_seconds_count", version="1.1"), sent)
            self.assertEqual(value(page, "tercet_first_byte_seconds_bucket", version="1.1", le="+Inf"), sent)
            self.assertEqual(value(page, "tercet_reloads_total"), n)
            self.assertEqual(value(page, "tercet_generation"), n + 1)

    def test_what_an_older_one_still_serves(self):
        server = self.counting("--limit", "fields_bytes=500")
        self.settled(server)
        wires, pids = [], []
        for n in range(1, 4):
            pids.append(self.newest(server, than=pids))
            wires.append(self.held(server))
            self.until(n, "tercet_exchanges_open")
            self.reload()
            self.until(n + 1, "tercet_generations")
            self.until(n, "tercet_exchanges_open")
            page = self.until(n, "tercet_connections_open")
            self.assertEqual(value(page, "tercet_exchanges_total", method="POST"), 0)
        bytes_before = value(self.page(), "tercet_sent_bytes_total")
        for n, wire in enumerate(wires, 1):
            wire.send("cd")
            self.assertEqual(wire.response("POST").status, 200)
            page = self.until(n, "tercet_exchanges_total", method="POST", status="200")
            self.until(3 - n, "tercet_exchanges_open")
        page = self.settled(server)
        self.assertGreater(value(page, "tercet_sent_bytes_total"), bytes_before + 3 * 100)
        with server.wire() as wire:
            wire.ask("/", fields=["X: " + "x" * 600])
        self.until(1, "tercet_limit_reached_total", limit="fields_bytes")
        self.reload()
        self.until(1, "tercet_limit_reached_total", limit="fields_bytes")

    def test_what_became_of_reloads(self):
        conf = self.dir / "t.conf"
        conf.write_text("workers = 1\n")
        began = time.time()
        server = self.counting("--config", conf)
        first = value(self.page(), "tercet_last_reload_timestamp_seconds")
        self.assertTrue(began - 2 <= first <= time.time() + 1, first)
        conf.write_text("wrokers = 1\n")
        for n in (1, 2):
            self.reload(status=2)
            page = self.page()
            self.assertEqual(value(page, "tercet_reloads_refused_total"), n)
            self.assertEqual(value(page, "tercet_last_reload_refused"), 1)
            self.assertEqual(value(page, "tercet_reloads_total"), 0)
            self.assertEqual(value(page, "tercet_last_reload_timestamp_seconds"), first)
        conf.write_text("workers = 2\n")
        time.sleep(1.1)
        self.reload()
        self.one_generation(server)
        page = self.page()
        self.assertEqual(value(page, "tercet_reloads_total"), 1)
        self.assertEqual(value(page, "tercet_last_reload_refused"), 0)
        self.assertGreater(value(page, "tercet_last_reload_timestamp_seconds"), first)

    def test_records_and_those_without(self):
        """Counters of what one configuration has and the next has not are there again with the one after."""
        conf = self.dir / "t.conf"
        records = f'records = {{"/c:k"}}\nstore = "sqlite:{self.dir / "r.db"}"\n'
        conf.write_text(records)
        server = self.counting("--config", conf)
        for n in range(3):
            self.assertEqual(server.ask(f"/c/k{n}", "PUT", ["Content-Type: application/json"], b'{"k":"k%d"}' % n).status, 201)
        self.until(3, "tercet_store_writes_total")
        conf.write_text("workers = 1\n")
        self.reload()
        self.assertNotIn(("tercet_store_writes_total", ()), self.settled(server))
        conf.write_text(records)
        self.reload()
        self.settled(server)
        self.until(3, "tercet_store_writes_total")


class Load(Counted):
    """What tercet bench was answered is what was counted."""

    def bench_while(self, server, version, act, requests=4000, rate=1000):
        scheme = "http" if version == "1.1" else "https"
        port = server.port if scheme == "http" else self.secure_port
        bench = subprocess.Popen([PROGRAM, "bench", "--json", "-k", "--http", version, "-c", "4", "-m",
                                  "1" if version == "1.1" else "4", "-n", str(requests), "--rate", str(rate),
                                  f"{scheme}://127.0.0.1:{port}/"],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        told, over = [], threading.Event()

        def look():
            while not over.is_set():
                told.append(value(self.page(), "tercet_exchanges_total"))
                time.sleep(0.03)
        looking = threading.Thread(target=look)
        looking.start()
        try:
            time.sleep(0.3)
            act()
            out, _ = bench.communicate(timeout=600)
        finally:
            over.set()
            looking.join()
            bench.kill()
            bench.wait()
        self.assertEqual(told, sorted(told), "a counter went back")
        self.assertGreater(len(told), 3)
        return json.loads(out), told[-1]

    def exactly(self, version, act, **how):
        self.secure_port = harness.free_port()
        server = self.counting(listen=["http://127.0.0.1:{port}", f"https://127.0.0.1:{self.secure_port}"], **how)
        self.settled(server)
        got, _ = self.bench_while(server, version, lambda: act(server))
        # What one generation refused unseen as it ended is sent again, once: then the next one may have ended, too.
        self.assertLessEqual({e["name"] for e in got["errors"]}, {"REFUSED"} if version != "1.1" else set(), got)
        answered = 4000 - sum(e["count"] for e in got["errors"])
        self.assertGreater(answered, 3950)
        self.assertEqual(got["statuses"], {"200": answered}, got)
        page = self.settled(server)
        self.assertEqual(value(page, "tercet_exchanges_total", version=version, status="200"), answered, server_counts(page))
        self.assertEqual(value(page, "tercet_exchange_seconds_count", version=version), answered)
        self.assertEqual(value(page, "tercet_exchanges_open"), 0)
        return server, page

    def storm(self, server):
        for _ in range(8):
            self.reload()

    def test_reloads_http_1(self):
        _, page = self.exactly("1.1", self.storm)
        self.assertEqual(value(page, "tercet_reloads_total"), 8)

    def test_reloads_http_2(self):
        self.exactly("2", self.storm)

    @needs_quic
    def test_reloads_http_3(self):
        self.exactly("3", self.storm)

    def test_upgrades(self):
        program = shutil.copy(PROGRAM, self.dir / "program")

        def act(server):
            for _ in range(3):
                shutil.copy(PROGRAM, self.dir / "new")
                os.rename(self.dir / "new", program)
                self.reload()
                inode = os.stat(program).st_ino
                self.assertTrue(wait_for(lambda: os.stat(f"/proc/{server.proc.pid}/exe").st_ino == inode))
        mine, harness.PROGRAM = harness.PROGRAM, pathlib.Path(program)
        try:
            _, page = self.exactly("1.1", act)
        finally:
            harness.PROGRAM = mine
        self.assertEqual(value(page, "tercet_reloads_total"), 3)

    def test_generations_that_are_killed(self):
        """Of the last second something may be lost, nothing may be counted twice, and nothing goes back."""
        server = self.counting()
        self.settled(server)
        kills = 3

        def act():
            for _ in range(kills):
                old = self.one_generation(server)
                os.kill(old, signal.SIGKILL)
                self.assertTrue(wait_for(lambda: old not in self.children(server) and self.children(server)))
                server.ask("/")
        # who scrapes is cut off, too: so nobody does, but for the beginning and the end
        bench = subprocess.Popen([PROGRAM, "bench", "--json", "-c", "4", "-n", "12000", "--rate", "1000", f"{server.url}/"],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        try:
            time.sleep(1.5)
            told = value(self.page(), "tercet_exchanges_total")
            act()
            got = json.loads(bench.communicate(timeout=600)[0])
        finally:
            bench.kill()
            bench.wait()
        page = self.settled(server)
        counted = value(page, "tercet_exchanges_total", status="200")
        self.assertGreaterEqual(counted, told)
        # an answer may be lost on its way when its server is killed: at most one a connection
        self.assertLessEqual(counted, got["statuses"]["200"] + kills * (1 + 4))
        self.assertEqual(value(page, "tercet_generations_crashed_total"), kills)
        self.assertEqual(value(page, "tercet_reloads_total"), 0)
        self.assertEqual(value(page, "tercet_exchanges_open"), 0)


class Quota(Counted):
    """One quota, whichever generation writes."""

    def begin(self):
        self.files_dir = self.dir / "up"
        self.files_dir.mkdir()
        conf = self.dir / "t.conf"
        conf.write_text(f'route "/up" {{ root = "{self.files_dir}" strip-prefix = on writable = on quota = 1000 }}\n')
        return self.counting("--config", conf, "--limit", "body_grace_ms=120000")

    def put(self, server, name, size):
        """Counting takes a moment, where nobody has counted before."""
        def once():
            status = server.ask(f"/up/{name}", "PUT", body=b"x" * size).status
            return status if status != 503 else None
        return wait_for(once)

    def writing(self, server, name, size):
        wire = server.wire(seconds=60)
        wire.send(f"PUT /up/{name} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {size}\r\n\r\n")
        wire.until(b"100 Continue\r\n\r\n")  # so it is reserved
        return wire

    def test_what_an_older_one_writes_counts(self):
        server = self.begin()
        self.assertEqual(self.put(server, "a", 100), 201)
        old = self.newest(server)
        wire = self.writing(server, "b", 500)
        self.reload()
        self.newest(server, than=[old])
        self.assertEqual(server.ask("/up/c", "PUT", body=b"x" * 401).status, 507)  # and not 503: it is known
        self.assertEqual(self.put(server, "c", 400), 201)
        self.assertEqual(self.put(server, "d", 1), 507)
        wire.send("x" * 500)
        self.assertEqual(wire.response("PUT").status, 201)
        self.one_generation(server)
        self.assertEqual(self.put(server, "d", 1), 507)
        self.assertEqual(server.ask("/up/b", "DELETE").status, 204)
        self.assertEqual(self.put(server, "d", 500), 201)
        self.assertEqual(self.put(server, "e", 1), 507)

    def test_what_a_killed_one_had_reserved_is_free_again(self):
        server = self.begin()
        self.assertEqual(self.put(server, "a", 100), 201)
        for kills in ("older", "serving"):
            old = self.newest(server)
            wire = self.writing(server, "b", 800)
            if kills == "older":
                self.reload()
                self.newest(server, than=[old])
                self.assertEqual(self.put(server, "c", 200), 507)
            os.kill(old, signal.SIGKILL)
            self.assertTrue(wait_for(lambda: self.put(server, "c", 900) == 201))
            self.assertEqual(server.ask("/up/c", "DELETE").status, 204)
            wire.close()
        self.assertEqual(sum(f.stat().st_size for f in self.files_dir.iterdir()), 100)

    def test_a_reload_counts_anew(self):
        """What others took away or put there is seen, also while an older one is there."""
        server = self.begin()
        self.assertEqual(self.put(server, "a", 900), 201)
        old = self.newest(server)
        wire = self.writing(server, "b", 50)
        self.assertEqual(self.put(server, "c", 51), 507)
        (self.files_dir / "a").unlink()
        self.assertEqual(self.put(server, "c", 51), 507)
        self.reload()
        self.newest(server, than=[old])
        self.assertTrue(wait_for(lambda: self.put(server, "c", 950) == 201))
        self.assertEqual(self.put(server, "d", 1), 507)
        wire.send("x" * 50)
        self.assertEqual(wire.response("PUT").status, 201)
        self.assertEqual(self.put(server, "d", 1), 507)


class Bounded(Counted):
    def test_the_oldest_makes_room(self):
        server = self.counting("--limit", "generations=3", "--limit", "generation_drain_ms=0")
        wires, pids = [], []
        for n in range(1, 4):
            pids.append(self.newest(server, than=pids))
            wires.append(self.held(server))
            self.until(min(n, 3), "tercet_exchanges_open")
            self.reload()
        self.assertTrue(wait_for(lambda: pids[0] not in self.children(server)))
        self.assertTrue(wires[0].ended())
        self.until(1, "tercet_limit_reached_total", limit="generations")
        page = self.until(3, "tercet_generations")
        self.assertEqual(value(page, "tercet_generations_crashed_total"), 0)
        self.assertIn("3 generations (generations): the oldest, 1, ends at once", server.said())
        for wire in wires[1:]:
            wire.send("cd")
            self.assertEqual(wire.response("POST").status, 200)
        page = self.settled(server)
        self.assertEqual(value(page, "tercet_exchanges_total", status="200", method="POST"), 2)

    def test_it_has_its_time(self):
        server = self.counting("--limit", "generations=2", "--limit", "generation_drain_ms=3600000")
        wire = self.held(server)
        self.until(1, "tercet_exchanges_open")
        self.reload()
        self.newest(server)
        waiting = subprocess.Popen([PROGRAM, "reload", "--control", self.control], stdin=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env=environment())
        self.addCleanup(waiting.wait)
        self.addCleanup(waiting.kill)
        with self.assertRaises(subprocess.TimeoutExpired):
            waiting.wait(1.5)
        self.assertEqual(value(self.page(), "tercet_reloads_total"), 1)
        wire.send("cd")
        self.assertEqual(wire.response("POST").status, 200)
        self.assertEqual(waiting.wait(300), 0)
        page = self.until(2, "tercet_reloads_total")
        self.assertEqual(value(page, "tercet_limit_reached_total", limit="generations"), 0)
