"""What tests of faults share: the program below every_call.c, which counts its system calls and lets any one fail."""
import errno
import functools
import mmap
import os
import pathlib
import random
import struct
import subprocess
import tempfile

from harness import ROOT, Case, sanitized, wait_for

ALL = bool(os.environ.get("TERCET_EVERY_CALL"))  # test/end/run --every-call: no sample, each call with each errno
PLACES, HEAD = 512, 9
READY, PLACE, NUMBER, FIRST, COUNT, CALLS, FAILED, ARMED, LISTENER = range(HEAD)

OPENS = "openat openat2 open socket socketpair accept4 epoll_create1 eventfd2 memfd_create pipe2 fcntl dup dup2 dup3 landlock_create_ruleset"
STORES = "write_file writev_file pwrite64 ftruncate fallocate linkat link renameat rename mkdirat mkdir copy_file_range fsync fdatasync"
LOOKS = ("read_file pread64 preadv lseek newfstatat fstat stat lstat getdents64 faccessat2 access readlink readlinkat unlinkat unlink rmdir fchmod "
         "fchown utimensat")
INTERRUPTED = ("openat open openat2 read_file read_socket read_other write_file write_socket write_other writev_socket writev_other accept4 "
               "connect sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg sendfile epoll_wait epoll_pwait epoll_pwait2 poll ppoll "
               "rt_sigtimedwait wait4 flock fsync ftruncate fallocate getrandom")
SENDS = "sendto sendmsg writev_socket write_socket sendfile"
RECEIVES = "recvfrom recvmsg read_socket"
DATAGRAMS = "sendmmsg recvmmsg"
SOCKETS = "bind listen setsockopt getsockopt getsockname getpeername epoll_ctl"
MEMORY = "mmap mprotect mremap"
# A sanitizer's own calls are among these: it cannot go on without memory.
NOT_SANITIZED = set(f"{MEMORY} madvise".split())


@functools.cache
def numbers():
    """{name of a call: the errnos that it is tried with}"""
    rows = [(OPENS, "EMFILE"), (STORES, "ENOSPC EIO"), (LOOKS, "EIO"), ("openat open openat2", "EIO ENOMEM"),
            (INTERRUPTED, "EINTR"), (SENDS, "EPIPE ECONNRESET ENOBUFS ENOMEM"), (RECEIVES, "ECONNRESET ENOMEM"),
            (DATAGRAMS, "ENOBUFS ENOMEM ECONNREFUSED EPERM"), (SOCKETS, "ENOMEM"), ("setsockopt", "ENOPROTOOPT"),
            (MEMORY, "ENOMEM"), ("clone3 clone fork vfork", "EAGAIN ENOMEM"), ("connect", "ENETUNREACH EADDRNOTAVAIL"),
            ("bind", "EADDRINUSE EACCES"), ("accept4", "ECONNABORTED ENOBUFS"), ("flock", "ENOLCK"), ("execve", "ENOMEM"),
            ("landlock_add_rule landlock_restrict_self", "ENOMEM"),
            ("prctl bpf prlimit64", "EPERM")]
    found = {}
    for names, errnos in rows:
        for name in names.split():
            found.setdefault(name, []).extend(getattr(errno, e) for e in errnos.split())
    return found


class Injector:
    """A plan that the program below .within reads."""

    def __init__(self, case):
        program = pathlib.Path(tempfile.gettempdir()) / f"tercet-every-call.{os.getpid()}"
        if not program.exists():
            built = case.other("cc", "-O2", "-w", "-o", program, ROOT / "test" / "end" / "every_call.c")
            case.assertEqual(built.status, 0, built)
            case.addClassCleanup(program.unlink)
        self.names = subprocess.run([program], stdout=subprocess.PIPE).stdout.decode().split()
        plan = case.dir / f"plan.{random.randrange(1 << 40)}"
        plan.write_bytes(bytes(8 * (HEAD + PLACES)))
        with open(plan, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)
        self.within = [str(program), str(plan)]
        case.addCleanup(self.map.close)

    def at(self, place):
        return struct.unpack_from("q", self.map, 8 * place)[0]

    def put(self, place, value):
        struct.pack_into("q", self.map, 8 * place, value)

    def arm(self, name=None, number=0, first=0, count=1):
        """From now on calls are counted, and these fail."""
        self.put(ARMED, 0)
        for place, value in ((PLACE, self.names.index(name) if name else -1), (NUMBER, number), (FIRST, first), (COUNT, count), (CALLS, 0),
                             (FAILED, 0)):
            self.put(place, value)
        self.map[8 * HEAD:] = bytes(8 * PLACES)
        self.put(ARMED, 1)

    def disarm(self):
        """-> how many calls failed"""
        self.put(ARMED, 0)
        return self.at(FAILED)

    def counts(self):
        """{name: calls}, of those that may fail"""
        found = {name: self.at(HEAD + i) for i, name in enumerate(self.names)}
        return {name: n for name, n in found.items() if n and name in numbers() and not (sanitized() and name in NOT_SANITIZED)}


class Walk(Case):
    """Plays a scenario again and again, each time with one call that fails."""
    SECONDS = 3000 if ALL else 1200
    SAMPLE = 60  # steps of each scenario, if not all
    MOST = 400  # calls of one name, evenly spread
    NEVER = ()  # (name, errno) that cannot be, or that mean what they say

    def steps(self, counts):
        """[(name, errno, which)]: all, or a sample that is the same each time, though the counts differ a little from run to run."""
        pairs = [(name, number) for name in sorted(counts) for number in dict.fromkeys(numbers()[name]) if (name, number) not in self.NEVER]
        if ALL:
            return [(name, number, 1 + n * counts[name] // min(counts[name], self.MOST))
                    for name, number in pairs for n in range(min(counts[name], self.MOST))]
        most, found = self.SAMPLE // (2 if sanitized() else 1), {}
        for turn in range(self.MOST):
            # In each turn one of each name and errno, at a place that is so far behind the first and before the last.
            for pair in sorted(pairs, key=lambda pair: random.Random(f"{turn} {pair}").random()):
                if len(found) < most:
                    found[(*pair, 1 + int(random.Random(f"{pair} {turn}").random() * counts[pair[0]]))] = turn
        return list(found)

    def walk(self, counts, step):
        """step(name, errno, which) raises AssertionError; all faults are told together."""
        steps, faults = self.steps(counts), []
        for name, number, which in steps:
            try:
                step(name, number, which)
            except AssertionError as fault:
                faults.append(f"{name} {errno.errorcode[number]} call {which} of {counts[name]}: {str(fault)[:1500]}")
                if ALL:
                    print("fault:", faults[-1], flush=True)
                if len(faults) > 40:
                    break
        print(f"{self.id()}: {sum(counts.values())} calls, {len(steps)} steps, {len(faults)} faults", flush=True)
        self.assertFalse(faults, f"{len(faults)} faults:\n" + "\n".join(faults))


def descriptors(pid):
    """What a process holds open, sorted."""
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            to = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            continue
        found.append(to.split(":")[0] if to.startswith("socket:") else to)
    return sorted(found)


def settled(pid, wanted, seconds=60):
    """Whether it comes to hold just what it held before."""
    return wait_for(lambda: descriptors(pid) == wanted, seconds, 0.005)


def still(pid):
    """What it holds once that has not changed for a second: what was asked for a moment ago is closed by then."""
    seen = []

    def same():
        seen.append(descriptors(pid))
        return len(seen) > 10 and all(now == seen[-1] for now in seen[-11:])
    wait_for(same, every=0.1)
    return seen[-1]
