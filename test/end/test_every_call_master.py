"""Every system call that a master and its generations make fails once (every_call.c) while they begin, reload, become a new
build, open the log anew and end: either it is done all the same or it is said why not, and what served serves on."""
import errno
import os
import re
import shutil
import signal
import subprocess

import harness
from harness import environment, wait_for
from injector import ALL, descriptors, settled, still
from test_every_call import GONE, Full

RELEASE_ONLY = True  # what a sanitizer calls at its end would fail, too


class Below(Full):
    """The master: how it begins, reloads, becomes a new build, opens the log anew, and ends."""
    MAY_FAIL = ("openat", "open", "read_file", "write_file")  # by libraries, and of files in memory: neither is interrupted
    MOST = 12 if ALL else 400
    SAMPLE = 40
    patience = 60
    NEVER = {("recvmsg", errno.ECONNRESET)}  # of a channel: the other end is gone indeed
    WORDS = re.compile(r"(?m)^tercet: \S.*: .+|^tercet: the server that runs is|^tercet: out of memory$")

    def begin(self):
        """-> the process; its words are in self.words."""
        self.words = open(self.dir / "words", "w+b")
        proc = subprocess.Popen([*self.injector.within, str(harness.PROGRAM), "serve", "--config", str(self.conf)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=self.words, env=environment(**self.env), preexec_fn=harness.die_with_parent())
        self.addCleanup(self.words.close)
        return proc

    def said(self):
        return os.pread(self.words.fileno(), 1 << 20, 0).decode(errors="replace")

    def end(self, proc):
        if proc.poll() is None:
            proc.terminate()
        try:
            return proc.wait(120)
        except subprocess.TimeoutExpired:
            proc.kill()
            proc.wait()
            return "it did not end"

    def answers(self):
        try:
            with self.connection() as wire:
                got = self.ask(wire)
            return got != GONE and got.status == 200
        except ConnectionRefusedError:
            return False

    def begins(self):
        """Whether it comes to serve; False: it has ended, and said why."""
        proc = self.begin()
        try:
            def told():
                return proc.poll() is not None or "Ctrl-C ends" in self.said()
            # What failed may be these words. Asked earlier, it would be these questions.
            came = wait_for(told, 5, 0.005) or wait_for(lambda: told() or self.answers(), every=0.1)
            self.injector.disarm()
            self.assertTrue(came, f"neither serves nor ends: {self.said()}")
            try:
                with self.connection() as wire:
                    got = self.ask(wire)
                if got != GONE:
                    self.assertEqual(got.status, 200, self.said())
                    return True
            except ConnectionRefusedError:
                pass
            # It ends just now: a pid file is written when it serves.
            self.assertTrue(wait_for(lambda: proc.poll() is not None, every=0.005), f"it neither answers nor ends: {self.said()}")
            self.assertIn(proc.returncode, range(1, 128), f"it ended with {proc.returncode}: {self.said()}")
            self.assertRegex(self.said(), self.WORDS, f"it ended with {proc.returncode} and does not say why")
            return False
        finally:
            early, status = proc.poll(), self.end(proc)
            if early is None and status:
                self.assertRegex(self.said(), self.WORDS, f"it ended with {status}")
            self.assertIsNone(harness.complaint_of_sanitizer(self.said().encode()))

    def test_beginning(self):
        self.injector.arm()
        self.assertTrue(self.begins())
        counts = self.injector.counts()

        def step(name, number, which):
            if name == "sendmsg" and number in (errno.EPIPE, errno.ECONNRESET):
                return  # to a master that is gone indeed
            self.injector.arm(name, number, which)
            try:
                served = self.begins()
            finally:
                self.injector.disarm()
            if number == errno.EINTR and name not in self.MAY_FAIL:
                self.assertTrue(served, f"interrupted: {self.said()}")
        self.walk(counts, step)

    def test_ending(self):
        def play(*fault):
            proc = self.begin()
            try:
                self.assertTrue(wait_for(lambda: "Ctrl-C ends" in self.said(), every=0.005), self.said())
                with self.connection() as wire:
                    self.assertEqual(self.ask(wire).status, 200)
                self.injector.arm(*fault)
            finally:
                status = self.end(proc)
                self.injector.disarm()
            self.assertEqual(status, 0, self.said())
            self.assertIsNone(harness.complaint_of_sanitizer(self.said().encode()))
        play()
        self.walk(self.injector.counts(), play)

    # --- while it serves ---

    def wait_for_one(self):
        self.assertTrue(wait_for(lambda: len(self.children()) == 1, every=0.005), f"generations: {self.children()}: {self.server.said()[-2000:]}")

    def reload(self):
        done = subprocess.run([harness.PROGRAM, "reload", "--control", self.control], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120, env=environment())
        return done.returncode, done.stdout.decode()

    def serves(self):
        """-> told: it may be this that fails."""
        try:
            with self.connection() as wire:
                return [(self.judged(self.ask(wire), 200), 200)]
        except ConnectionRefusedError:
            self.fail(f"nobody listens: {self.server.said()[-1500:]}")

    def play_reload(self):
        code, said = self.reload()
        if code:
            self.assertRegex(said, r"(?m)^tercet: \S.*", "it does not say why")
        return [(200 if code == 0 else said, 200)] + self.serves()

    def play_upgrade(self):
        new = self.dir / "new"
        os.link(self.dir / f"build{self.turn % 2}", new)
        os.replace(new, self.program)
        self.turn += 1
        return self.play_reload()

    def play_log(self):
        old = self.log.with_suffix(".1")
        if self.log.exists():
            self.log.rename(old)
        self.server.signal(signal.SIGUSR1)
        opened = wait_for(self.log.exists, self.patience, 0.005)
        return [(200 if opened else GONE, 200)] + self.serves()

    def step_below(self, play, name, number, which):
        self.injector.arm(name, number, which)
        self.patience = 60 if number == errno.EINTR else 2  # what may fail is not waited for
        try:
            told = play()
        finally:
            self.patience = 60
            self.injector.disarm()
        self.assertIsNone(self.server.proc.poll(), f"the master ended: {self.server.said()[-3000:]}")
        complaint = harness.complaint_of_sanitizer(self.server.said().encode())
        self.assertIsNone(complaint)
        self.assertNotIn("ended by signal 11", self.server.said())
        if number == errno.EINTR and name not in self.MAY_FAIL:
            self.assertTrue(self.right(told), f"interrupted: {told}: {self.server.said()[-1000:]}")
        try:
            self.clean(play)
            self.wait_for_one()
            self.assertTrue(settled(self.server.proc.pid, self.open), f"left open: {set(self.many(descriptors(self.server.proc.pid))) ^ set(self.many(self.open))}")
        except AssertionError:
            self.server.stop(check=False)
            self.choose_ports()
            self.start_below(play)
            raise

    def start_below(self, play):
        before, harness.PROGRAM = harness.PROGRAM, self.program
        try:
            self.start()
        finally:
            harness.PROGRAM = before
        for _ in range(3):
            self.clean(play)
        self.wait_for_one()
        self.open = still(self.server.proc.pid)

    def every_below(self, play):
        self.program = self.dir / "program"
        for n in range(2):
            shutil.copy(harness.PROGRAM, self.dir / f"build{n}")
        shutil.copy(harness.PROGRAM, self.program)
        self.start_below(play)
        self.injector.arm()
        self.clean(play)
        self.wait_for_one()
        self.injector.disarm()
        self.walk(self.injector.counts(), lambda *step: self.step_below(play, *step))

    def test_reload(self):
        self.every_below(self.play_reload)

    def test_upgrade(self):
        self.every_below(self.play_upgrade)

    def test_log(self):
        self.every_below(self.play_log)
