"""What bench/run measures of both ends: load programs on one server, one long download, held QUIC connections."""
import json
import os
import resource
import subprocess
import time

STREAM_MB = 512
GENERATORS = {  # scenario -> (what its server can, port role, the peer's program and arguments, ours)
    "bench-h1": ("h1", "h1", "wrk", ["-t1", "-c64"], ["--http", "1.1", "-c64"]),
    "bench-h2": ("h2", "tls", "h2load", ["-t1", "-c8", "-m32"], ["--http", "2", "-c8", "-m32"]),
}


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def generators(scenario, load, server, target, secs, repeats):
    """CPU for each request of two load programs, in turn on one server: name -> samples."""
    _, role, peer, theirs, ours = GENERATORS[scenario]
    url, rows = target(server, role, "612"), {}
    for rep in range(-1, repeats):
        for name, tool, args in (("tercet", "tercet", ours), (peer, peer, theirs)):
            before = children_cpu()
            done, took, bad = load.run(tool, args, url, 1 if rep < 0 else secs)
            if rep >= 0 and done:
                rows.setdefault(name, []).append(dict(us=(children_cpu() - before) * 1e6 / done, rps=done / took,
                                                      bad=bad / done, rep=rep))
    return rows


def one_stream(subject, program, other, work, repeats, pin):
    """MB/s of one download over HTTP/3, a server on one core and its own client on the other: name -> samples."""
    with open(os.path.join(work, "root", "big.bin"), "wb") as f:
        for _ in range(STREAM_MB):
            f.write(b"tercet\n\0" * 131072)
    url = f"127.0.0.1:{subject.ports['tls']}/big.bin"
    clients = {
        subject.name: [program, "get", "--quiet", "--insecure", "--http", "3", "-o", "/dev/null", "https://" + url],
        "gtlsserver": ["gtlsclient", "-q", "--exit-on-all-streams-close", "127.0.0.1", str(other.ports["tls"]),
                       "https://localhost/big.bin"],
    }
    rows = {}
    try:
        for rep in range(-1, repeats):
            for name, argv in clients.items():
                began = time.monotonic()
                subprocess.run(argv, check=True, timeout=120, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               preexec_fn=pin)
                if rep >= 0:
                    rows.setdefault(name, []).append(dict(mbs=STREAM_MB * 1.048576 / (time.monotonic() - began), rep=rep))
    finally:
        os.unlink(os.path.join(work, "root", "big.bin"))
    return rows


def held_quic(server, program, url, count, pin):
    """Bytes of server memory (Pss) of a live, quiet QUIC connection: an open loop takes them in turn, so that each
    is asked once in six seconds. Some more are held all the time, for what the server makes once."""
    def hold(connections, secs):
        argv = [program, "bench", "-k", "--json", "--http", "3", "-d", str(secs), "-c", str(connections),
                "--rate", str(max(1, connections // 6)), url]
        return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=pin)

    def check(holder, connections):
        told = json.loads(holder.communicate(timeout=60)[0])
        if told["connections_made"] != connections or told["failed"]:
            raise OSError(f"not all of {connections} connections held: {told['errors']}")

    with hold(64, 10) as some:
        time.sleep(2)
        before = server.rss()
        with hold(count, 7) as many:
            time.sleep(6.5)
            after = server.rss()
            check(many, count)
        check(some, 64)
    return (after - before) / count
