"""A master and its generations: what a client sees of reloads, upgrades and ends (nothing), and what an operator does."""
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from harness import PROGRAM, environment, is_gone, needs_quic, wait_for, whole_lines
from test_tls import Tls

needs_root = unittest.skipUnless(os.geteuid() == 0, "needs root: another user is nobody else's to become")


class Master(Tls):
    SECONDS = 600

    def master(self, *options, **how):
        """A server below a master; .children() are its generations. It is patient with those who are slow."""
        self.control = self.dir / "control"
        patient = ("body_grace_ms=3600000", "handshake_ms=3600000", "handover_ms=60000")
        return self.serve("--master", "--control", self.control, *(word for limit in patient for word in ("--limit", limit)), *options, **how)

    def begun(self, server):
        """A request that is under way for certain: the server waits for its content, "abcd"."""
        wire = server.wire()
        wire.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        self.assertEqual(wire.response(interim=True).status, 100)
        wire.send("ab")
        return wire

    def children(self, server):
        text = pathlib.Path(f"/proc/{server.proc.pid}/task/{server.proc.pid}/children").read_text()
        return [int(pid) for pid in text.split()]

    def reload(self, *options, status=0):
        done = subprocess.run([PROGRAM, "reload", "--control", self.control, *options], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, env=environment())
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout.decode()

    def one_generation(self, server):
        self.assertTrue(wait_for(lambda: len(self.children(server)) == 1), self.children(server))
        return self.children(server)[0]

    def under_load(self, url, version, act, streams=4):
        """What tercet bench has to say while act() is done to the server."""
        bench = subprocess.Popen([PROGRAM, "bench", "-k", "--http", version, "-c", "4", "-m",
                                  "1" if version == "1.1" else str(streams), "-d", "4", url],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 env=environment())
        try:
            time.sleep(0.3)
            act()
            said = bench.communicate(timeout=300)[0].decode()
        finally:
            bench.kill()
            bench.wait()
        self.assertEqual(bench.returncode, 0, said)
        # what one generation refused unseen as it ended is sent again, once: then the next one may have ended, too
        errors = int(re.search(r"errors\s+([\d,]+)\n", said)[1].replace(",", ""))
        refused = sum(int(n) for n in re.findall(r"(?m)^\s+(\d+)  the peer refused before it began", said))
        self.assertEqual(errors, refused if version != "1.1" else 0, said)
        self.assertLess(errors, 50, said)
        self.assertGreater(int(re.search(r"requests\s+([\d,]+)", said)[1].replace(",", "")), 100, said)


class Reload(Master):
    def many(self, version):
        server = self.master(listen=["https://127.0.0.1:{port}"])
        self.under_load(f"https://127.0.0.1:{server.port}/", version, lambda: [self.reload() for _ in range(6)])
        self.one_generation(server)
        self.assertIn("generation 7 serves", server.said())

    def test_under_load_http_1(self):
        self.many("1.1")

    def test_under_load_http_2(self):
        self.many("2")

    @needs_quic
    def test_under_load_http_3(self):
        self.many("3")

    def test_what_is_under_way_is_finished_by_the_one_before(self):
        server = self.master()
        old = self.one_generation(server)
        with self.begun(server) as wire:
            self.reload()
            self.assertIn(old, self.children(server))
            self.assertEqual(server.ask().status, 200)
            wire.send("cd")
            self.assertEqual(wire.response("POST").status, 200)
        self.assertNotEqual(self.one_generation(server), old)

    def test_an_idle_connection_has_one_more_request(self):
        server = self.master()
        with server.wire(seconds=60) as wire, server.wire(seconds=60) as fresh:
            self.assertFalse(wire.ask().closes)
            self.reload()  # the old one hears of it a moment later
            self.assertTrue(wait_for(lambda: wire.ask().closes))
            self.assertEqual(fresh.ask().status, 200)  # nothing came on it before

    def test_a_handshake_under_way_goes_on(self):
        import ssl
        server = self.master(listen=["https://127.0.0.1:{port}"])
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with socket.create_connection(("127.0.0.1", server.port), 60) as sock:
            with self.assertRaises(ssl.SSLWantReadError):
                tls.do_handshake()
            hello = outgoing.read()
            sock.sendall(hello[:50])
            time.sleep(0.3)  # the old one has it now, unless it is slow: then the new one will
            self.reload()
            sock.sendall(hello[50:])
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    incoming.write(sock.recv(65536))
            tls.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            sock.sendall(outgoing.read())
            incoming.write(sock.recv(65536))
            data = b""
            while b"200 OK" not in data:
                try:
                    data += tls.read(65536)
                except ssl.SSLWantReadError:
                    incoming.write(sock.recv(65536))

    def test_a_storm_of_signals_is_a_few_reloads(self):
        server = self.master()
        for _ in range(100):
            os.kill(server.proc.pid, signal.SIGHUP)
        self.assertTrue(wait_for(lambda: "reloaded" in server.said()))
        self.assertEqual(server.ask().status, 200)
        self.one_generation(server)
        self.assertLess(server.said().count("reloaded"), 60)
        said = self.reload()
        self.assertRegex(said, r"generation \d+ serves")

    def test_an_asker_that_is_slow(self):
        """Who says a moment later what he wants is heard, and nobody waits for him."""
        server = self.master()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as slow:
            slow.settimeout(60)
            slow.connect(str(self.control))
            silent = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(12)]
            for one in silent:
                one.connect(str(self.control))
                self.addCleanup(one.close)
            self.assertIn("generation 2 serves", self.reload())
            slow.send(b"reload")
            self.assertEqual(slow.recv(4096)[:1], b"\0")
        self.assertIn("generation 3 serves", server.said())

    def test_more_and_fewer_workers(self):
        conf = self.dir / "t.conf"
        conf.write_text("workers = 1\n")
        server = self.master("--config", conf, listen=["https://127.0.0.1:{port}"])

        def act():
            for workers in (4, 2, 3, 1):
                conf.write_text(f"workers = {workers}\n")
                self.reload()
        self.under_load(f"https://127.0.0.1:{server.port}/", "1.1", act)


class Records(Master):
    def test_two_generations_on_one_database(self):
        server = self.master("--records", "/c:k", "--store", f"sqlite:{self.dir / 'r.db'}")

        def put(wire, n):
            return wire.ask("/c/a", "PUT", ["Content-Type: application/json"], b'{"k":"a","n":%d}' % n)

        def read():  # by each worker, which remembers it then
            return {server.ask("/c/a").body for _ in range(12)}
        with server.wire(seconds=60) as wire:
            self.assertEqual(put(wire, 0).status, 201)
        tags = set()
        for n in range(1, 10, 2):
            with server.wire(seconds=60) as old:
                self.assertEqual(old.ask("/c/a").status, 200)
                self.reload()
                self.assertIn(b'"n":%d' % (n - 1), read().pop())
                self.assertEqual(put(old, n).status, 200)  # its one more request
                self.assertEqual(len(got := read()), 1, got)
                self.assertIn(b'"n":%d' % n, got.pop())
            with server.wire(seconds=60) as new:
                self.assertEqual(put(new, n + 1).status, 200)
                tags.add(new.ask("/c/a").get("etag"))
        self.assertEqual(len(tags), 5, "two versions that say they are the same")


class Refused(Master):
    def test_the_old_one_serves_on(self):
        conf = self.dir / "t.conf"
        conf.write_text("workers = 1\n")
        server = self.master("--config", conf)
        old = self.one_generation(server)
        conf.write_text("workers = 1\nwrokers = 2\n")
        said = self.reload(status=2)
        self.assertIn(f"{conf}:2:", said)
        self.assertIn("wrokers", said)
        self.assertIn("what served before serves on", said)
        self.assertIn(f"{conf}:2:", server.said())
        self.assertEqual(self.reload("-q", status=2), "")  # the server's log has it all the same
        self.assertEqual(server.said().count(f"{conf}:2:"), 2)
        self.assertTrue(wait_for(lambda: self.children(server) == [old]), self.children(server))
        self.assertEqual(server.ask().status, 200)
        conf.write_text("workers = 2\n")
        self.assertEqual(self.reload("-q"), "")
        self.assertIn("generation 4 serves", server.said())

    def test_a_file_that_does_not_say_where_it_listens(self):
        conf = self.dir / "faulty.conf"
        conf.write_text("wrokers = 2\ncontrol = \"here\"\n")
        outcome = self.tercet("reload", "--config", conf, check=False)
        self.assertEqual(outcome.status, 2)
        self.assertIn(f"{conf}:1: unknown setting wrokers; did you mean workers?", outcome.err)
        self.assertIn("not reloaded", outcome.err)

    def test_a_port_that_is_taken(self):
        conf = self.dir / "t.conf"
        conf.write_text("workers = 1\n")
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            server = self.serve_from(conf, "")
            conf.write_text(self.text % f', "http://127.0.0.1:{port}"')
            self.assertIn(f"http://127.0.0.1:{port}", self.reload(status=98))
            self.assertEqual(server.ask().status, 200)
        self.reload()
        socket.create_connection(("127.0.0.1", port), 60).close()
        conf.write_text(self.text % "")  # and away again
        self.reload()
        self.one_generation(server)

        def refused():
            try:
                socket.create_connection(("127.0.0.1", port), 60).close()
            except ConnectionRefusedError:
                return True
            except ConnectionResetError:
                pass  # was in the queue when its listener closed
            return False
        self.assertTrue(wait_for(refused))

    def serve_from(self, conf, more):
        from harness import free_port
        port = free_port()
        self.text = f'listen = {{"http://127.0.0.1:{port}"%s}}\n'
        conf.write_text(self.text % more)
        self.control = self.dir / "control"
        server = self.serve("--config", conf, "--control", self.control, listen=False, port=port)
        return server

    def test_a_first_one_ends_with_its_own_status(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            done = subprocess.run([PROGRAM, "serve", "--master", "--control", "off", "--listen",
                                   f"http://127.0.0.1:{other.getsockname()[1]}", self.dir], stdin=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, timeout=300, env=environment())
        self.assertEqual(done.returncode, 98, done.stderr)
        self.assertIn(b"choose another port", done.stderr)


class Crashed(Master):
    """A generation that crashes is followed by its own configuration, whatever the disk holds by then."""

    def test_while_the_files_are_faulty(self):
        conf, site = self.dir / "t.conf", self.dir / "sites" / "a.conf"
        site.parent.mkdir()
        good = 'workers = 1\ninclude("sites/*.conf")\nadd-field = {"X-From: top"}\n'
        conf.write_text(good)
        site.write_text('# a comment\nroute "/in" { add-field = {"X-From: included"} }\n')
        server = self.master("--config", conf)
        conf.write_text(good + "wrokers = 2\n")
        site.write_text("this is not } right\n")
        (site.parent / "b.conf").write_text("nor is this\n")
        for _ in range(2):  # what is kept is kept by who comes after, too
            old = self.one_generation(server)
            os.kill(old, signal.SIGKILL)
            self.assertEqual(server.ask("/").get("x-from"), "top")
            self.assertEqual(server.ask("/in").get("x-from"), "included")
            self.assertNotEqual(self.one_generation(server), old)
        self.assertNotIn("wrokers", server.said())
        said = self.reload(status=2)
        self.assertIn(f"{conf}:4:", said)
        self.assertIn(f"{site}:1:", said)
        self.assertEqual(server.ask("/in").get("x-from"), "included")
        shutil.rmtree(site.parent)
        conf.write_text('add-field = {"X-From: mended"}\n')
        self.reload()
        self.one_generation(server)  # the one before may accept until it has heard of it
        self.assertEqual(server.ask("/in").get("x-from"), "mended")

    def test_while_the_file_is_gone(self):
        conf = self.dir / "t.conf"
        conf.write_text("workers = 1\n")
        server = self.master("--config", conf)
        conf.unlink()
        os.kill(self.one_generation(server), signal.SIGKILL)
        self.assertEqual(server.ask().status, 200)
        self.assertIn(f"{conf}: cannot be read", self.reload(status=2))

    def test_after_an_upgrade(self):
        program = shutil.copy(PROGRAM, self.dir / "program")
        conf = self.dir / "t.conf"
        conf.write_text("workers = 1\n")
        import harness
        mine, harness.PROGRAM = harness.PROGRAM, pathlib.Path(program)
        try:
            server = self.master("--config", conf)
        finally:
            harness.PROGRAM = mine
        shutil.copy(PROGRAM, self.dir / "new")
        os.rename(self.dir / "new", program)
        self.reload()
        self.assertTrue(wait_for(lambda: "the master is" in server.said()))
        conf.write_text("wrokers = 1\n")
        self.one_generation(server)
        os.kill(self.one_generation(server), signal.SIGKILL)
        self.assertEqual(server.ask().status, 200)


class PidFile(Master):
    def test_it_is_of_the_one_that_serves(self):
        file = self.dir / "pid"
        server = self.master("--pid-file", file)
        self.assertEqual(file.read_text(), f"{server.proc.pid}\n")
        again = subprocess.run([PROGRAM, "serve", "--master", "--control", self.control, "--pid-file", file, "--listen",
                                f"http://127.0.0.1:{server.port}", self.dir], stdin=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, timeout=300, env=environment())
        self.assertEqual(again.returncode, 98, again.stderr)
        self.assertEqual(file.read_text(), f"{server.proc.pid}\n")
        self.reload()
        server.proc.terminate()
        server.proc.wait(120)
        self.assertFalse(file.exists())

    def test_of_a_server_without_a_master(self):
        file = self.dir / "pid"
        file.write_text("4000000000 and more\n")
        server = self.serve("--pid-file", file)  # in the sandbox, which does not let it be opened any more
        self.assertEqual(file.read_text(), f"{server.proc.pid}\n")

    def test_it_cannot_be_written(self):
        done = subprocess.run([PROGRAM, "serve", "--master", "--control", "off", "--pid-file", self.dir / "no" / "pid",
                               "--listen", "http://127.0.0.1:0", self.dir], stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, timeout=300, env=environment())
        self.assertEqual(done.returncode, 23, done.stderr)
        self.assertIn(b"no/pid: No such file", done.stderr)


class Closed(Master):
    def test_nothing_of_ours_takes_the_place_of_the_standard_files(self):
        file = self.dir / "pid"
        line = [PROGRAM, "serve", "--master", "--control", self.dir / "control", "--pid-file", file, "--access-log", "off",
                "--listen", "http://127.0.0.1:0", self.dir]
        proc = subprocess.Popen(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *map(str, line)], env=environment())
        try:
            self.assertTrue(wait_for(lambda: file.exists() and file.read_text()))
            for fd in range(3):
                self.assertEqual(os.readlink(f"/proc/{proc.pid}/fd/{fd}"), "/dev/null")
        finally:
            proc.terminate()
            self.assertEqual(proc.wait(120), 0)


class Ends(Master):
    def test_a_generation_that_is_killed_is_replaced(self):
        server = self.master()
        old = self.one_generation(server)
        os.kill(old, signal.SIGKILL)
        self.assertEqual(server.ask().status, 200)  # whoever comes meanwhile waits
        self.assertNotEqual(self.one_generation(server), old)
        self.assertIn("ended by signal 9", server.said())

    def test_the_master_is_killed(self):
        server = self.master()
        child = self.one_generation(server)
        with self.begun(server) as wire:
            server.proc.kill()
            server.proc.wait()
            self.assertTrue(wait_for(lambda: "is gone" in server.said()))
            wire.send("cd")
            self.assertEqual(wire.response("POST").status, 200)
        self.assertTrue(wait_for(lambda: is_gone(child)))
        server.stop(check=False)

    def test_whoever_comes_while_it_ends_is_refused_at_once(self):
        server = self.master()
        with self.begun(server) as wire:
            server.proc.terminate()

            def refused():
                try:
                    socket.create_connection(("127.0.0.1", server.port), timeout=60).close()
                except ConnectionRefusedError:
                    return True
                except ConnectionResetError:
                    pass  # was in the queue when its listener closed
                return False

            self.assertTrue(wait_for(refused))  # and not waiting where nobody accepts
            wire.send("cd")
            self.assertEqual(wire.response().status, 200)
        server.proc.wait(120)

    def test_a_second_signal_ends_at_once(self):
        server = self.master()
        with self.begun(server) as wire:
            server.signal(signal.SIGTERM)
            self.assertTrue(wait_for(lambda: "finishing" in server.said()))
            self.assertIsNone(server.proc.poll())
            server.signal(signal.SIGTERM)
            self.assertEqual(server.wait(), 0)

    def test_ends_amid_a_reload(self):
        server = self.master()
        os.kill(server.proc.pid, signal.SIGHUP)
        os.kill(server.proc.pid, signal.SIGTERM)
        self.assertEqual(server.wait(), 0)


class Upgrade(Master):
    def test_another_program_in_its_place(self):
        program = shutil.copy(PROGRAM, self.dir / "program")
        import harness
        mine, harness.PROGRAM = harness.PROGRAM, pathlib.Path(program)
        try:
            server = self.master(listen=["https://127.0.0.1:{port}"])
        finally:
            harness.PROGRAM = mine

        def act():
            for _ in range(2):
                shutil.copy(PROGRAM, self.dir / "new")
                os.rename(self.dir / "new", program)
                self.reload()
                inode = os.stat(program).st_ino
                self.assertTrue(wait_for(lambda: os.stat(f"/proc/{server.proc.pid}/exe").st_ino == inode))
        self.under_load(f"https://127.0.0.1:{server.port}/", "2", act)
        self.assertEqual(os.stat(f"/proc/{self.one_generation(server)}/exe").st_ino, os.stat(program).st_ino)
        self.reload()

    def test_a_program_that_is_none(self):
        program = shutil.copy(PROGRAM, self.dir / "program")
        import harness
        mine, harness.PROGRAM = harness.PROGRAM, pathlib.Path(program)
        try:
            server = self.master()
        finally:
            harness.PROGRAM = mine
        (self.dir / "new").write_text("#!/bin/sh\necho this is no server >&2\nexit 3\n")
        (self.dir / "new").chmod(0o755)
        os.rename(self.dir / "new", program)
        self.assertIn("this is no server", self.reload(status=3))
        self.assertEqual(server.ask().status, 200)


class User(Master):
    def status_of(self, pid):
        return dict(re.findall(r"^(\w+):\s+(.*)$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M))

    @needs_root
    def test_it_becomes_another_user_for_good(self):
        os.chmod(self.dir, 0o755)
        server = self.master("--user", "nobody")
        child = self.one_generation(server)
        for pid in [child] + [int(t) for t in os.listdir(f"/proc/{child}/task")]:
            status = self.status_of(pid)
            self.assertEqual(set(status["Uid"].split()), {"65534"})
            self.assertEqual(set(status["Gid"].split()), {"65534"})
            self.assertEqual(status["Groups"].split(), ["65534"])
            self.assertEqual(status["CapEff"], "0" * 16)
            self.assertEqual(status["NoNewPrivs"], "1")
        self.reload()  # the master is root still
        self.assertNotEqual(self.one_generation(server), child)
        self.assertEqual(server.ask().status, 200)

    @needs_root
    def test_without_a_user_root_is_told(self):
        server = self.master()
        self.reload()
        self.reload()
        self.assertEqual(server.said().count("it serves as root"), 1)

    @needs_root
    def test_the_database_is_that_user_s(self):
        os.chmod(self.dir, 0o755)
        folder = self.dir / "db"
        folder.mkdir()
        os.chown(folder, 65534, 65534)
        server = self.master("--user", "nobody", "--records", "/c:k", "--store", f"sqlite:{folder / 'r.db'}")
        for n in range(3):
            key = server.ask(f"/c/k{n}", "PUT", ["Content-Type: application/json"], b'{"k":"k%d"}' % n)
            self.assertEqual(key.status, 201)
            self.assertEqual(server.ask("/c/k0").status, 200)
            files = {f.name: f.stat().st_uid for f in folder.iterdir()}
            self.assertIn("r.db", files)
            self.assertEqual(set(files.values()), {65534}, files)
            self.reload()

    @needs_root
    def test_a_database_that_is_not_that_user_s(self):
        os.chmod(self.dir, 0o755)
        done = subprocess.run([PROGRAM, "serve", "--user", "nobody", "--records", "/c:k", "--listen",
                               "http://127.0.0.1:0", "--store", f"sqlite:{self.dir / 'r.db'}", self.dir],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=300, env=environment())
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"r.db: Permission denied", done.stderr)
        self.assertFalse((self.dir / "r.db").exists())

    @needs_root
    def test_it_has_the_group_that_was_named(self):
        os.chmod(self.dir, 0o755)
        import grp
        group = grp.getgrnam("daemon").gr_gid
        server = self.master("--user", "nobody", "--group", "daemon")
        for _ in range(2):
            status = self.status_of(self.one_generation(server))
            self.assertEqual(set(status["Uid"].split()), {"65534"})
            self.assertEqual(set(status["Gid"].split()), {str(group)})
            self.assertIn(str(group), status["Groups"].split())
            self.assertNotIn("0", status["Groups"].split())
            self.reload()

    @needs_root
    def test_nobody_knows_this_group(self):
        done = subprocess.run([PROGRAM, "serve", "--user", "nobody", "--group", "no-such-group", "--listen",
                               "http://127.0.0.1:0", self.dir], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              timeout=300, env=environment())
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"no-such-group", done.stderr)

    def test_nobody_knows_this_user(self):
        done = subprocess.run([PROGRAM, "serve", "--user", "no-such-user", "--listen", "http://127.0.0.1:0", self.dir],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=300, env=environment())
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"no-such-user", done.stderr)


class Log(Master):
    def rotate(self, server, log):
        server.ask("/one")
        self.assertTrue(wait_for(lambda: len(whole_lines(log)) == 1))
        old = log.with_suffix(".1")
        log.rename(old)
        server.signal(signal.SIGUSR1)
        self.assertTrue(wait_for(log.exists), server.said())
        # below a master the file is there a moment before those who write know of it
        self.assertTrue(wait_for(lambda: server.ask("/two") and whole_lines(log), every=0.1), server.said())
        self.assertIn("/two", whole_lines(log)[-1])
        server.ask("/three")
        self.assertTrue(wait_for(lambda: any("/three" in line for line in whole_lines(log))))
        self.assertFalse(any("/three" in line for line in whole_lines(old)))

    def test_opened_anew(self):
        log = self.dir / "access.log"
        self.rotate(self.serve(log=str(log)), log)

    def test_opened_anew_below_a_master(self):
        log = self.dir / "access.log"
        self.rotate(self.master(log=str(log)), log)

    @needs_root
    def test_opened_anew_where_the_user_may_not(self):
        os.chmod(self.dir, 0o755)
        log = self.dir / "access.log"
        self.rotate(self.master("--user", "nobody", log=str(log)), log)

    def test_a_full_disk_stops_nothing(self):
        log = self.dir / "access.log"
        log.write_text("x" * 99999 + "\n")  # longer than what it says on standard error, which is bounded, too
        server = self.serve(log=str(log))
        server.ask("/first")
        self.assertTrue(wait_for(lambda: len(whole_lines(log)) == 2))
        size = log.stat().st_size
        resource.prlimit(server.proc.pid, resource.RLIMIT_FSIZE, (size + 10, resource.RLIM_INFINITY))
        for i in range(5):
            self.assertEqual(server.ask(f"/dropped{i}").status, 404)
        self.assertTrue(wait_for(lambda: "access log" in server.said()))
        resource.prlimit(server.proc.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        server.ask("/last")
        self.assertTrue(wait_for(lambda: "it is written again" in server.said()), server.said())
        self.assertTrue(wait_for(lambda: any("/last" in line for line in whole_lines(log))))
        # a worker whose lines waited meanwhile has lost none
        self.assertLess(sum("/dropped" in line for line in whole_lines(log)), 5)
        self.assertEqual(server.said().count("lines are dropped until"), 1)
