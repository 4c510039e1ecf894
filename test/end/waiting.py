"""Waiting for what is to come, for as long as a machine may need that many others want, too; and reading what is written
meanwhile."""
import pathlib
import time

PATIENCE = 60  # seconds: what takes milliseconds may take so long where many others want the machine


def wait_for(what, seconds=PATIENCE, every=0.02):
    """Calls what() until it is true; its last value."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value or time.monotonic() > end:
            return value
        time.sleep(every)


def settled(what, quiet=2.0, seconds=PATIENCE):
    """Waits until what() has stayed the same, and true, for that time; its last value."""
    end = time.monotonic() + seconds
    value, since = what(), time.monotonic()
    while time.monotonic() < end and not (value and time.monotonic() - since >= quiet):
        time.sleep(0.05)
        now = what()
        if now != value:
            value, since = now, time.monotonic()
    return value


def whole_lines(path):
    """The lines of a file that somebody writes, without a last one that is not whole yet; none if there is no file."""
    try:
        return pathlib.Path(path).read_bytes().decode(errors="replace").split("\n")[:-1]
    except FileNotFoundError:
        return []


def lines_of(path, count):
    """The whole lines of a log once there are so many. Each worker writes its own, a moment later: they stand in any order."""
    wait_for(lambda: len(whole_lines(path)) >= count)
    lines = whole_lines(path)
    assert len(lines) >= count, f"{count} lines did not come: {lines}"
    return lines


def is_gone(pid):
    """Whether that process has ended, and at most waits to be asked for its status."""
    try:
        return "State:\tZ" in pathlib.Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def is_traced(pid):
    """Whether somebody traces each thread of that process."""
    return all("TracerPid:\t0" not in (task / "status").read_text() for task in pathlib.Path(f"/proc/{pid}/task").iterdir())
