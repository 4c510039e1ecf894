"""Streams and frames of HTTP/3 as a test says them (RFC 9114, 9204), over quicraw. Fields go out as literals that
refer to nothing; of what comes back only :status is read."""
import itertools

from quicraw import Quic, Reader, varint

DATA, HEADERS, CANCEL_PUSH, SETTINGS, GOAWAY, MAX_PUSH_ID = 0, 1, 3, 4, 7, 13
(H3_NO_ERROR, H3_GENERAL_PROTOCOL_ERROR, H3_INTERNAL_ERROR, H3_STREAM_CREATION_ERROR, H3_CLOSED_CRITICAL_STREAM,
 H3_FRAME_UNEXPECTED, H3_FRAME_ERROR, H3_EXCESSIVE_LOAD, H3_ID_ERROR, H3_SETTINGS_ERROR, H3_MISSING_SETTINGS,
 H3_REQUEST_REJECTED, H3_REQUEST_CANCELLED, H3_REQUEST_INCOMPLETE, H3_MESSAGE_ERROR) = range(0x100, 0x10f)
QPACK_DECOMPRESSION_FAILED, QPACK_ENCODER_STREAM_ERROR, QPACK_DECODER_STREAM_ERROR = 0x200, 0x201, 0x202
CONTROL, ENCODER, DECODER = 2, 6, 10  # the streams that H3 opens
STATIC_STATUS = {24: 103, 25: 200, 26: 304, 27: 404, 28: 503, 63: 100, 64: 204, 65: 206, 66: 302, 67: 400, 68: 403, 69: 421, 70: 425, 71: 500}


def frame(kind, payload=b"", length=None):
    return varint(kind) + varint(len(payload) if length is None else length) + payload


def prefixed(value, bits, first=0):
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = bytes([first | most]), value - most
    while value >= 128:
        out, value = out + bytes([value % 128 + 128]), value >> 7
    return out + bytes([value])


def fields(pairs):
    """A section of literals that refers to nothing."""
    out = b"\0\0"
    for name, value in pairs:
        name, value = name.encode(), value if isinstance(value, bytes) else value.encode()
        out += prefixed(len(name), 3, 0x20) + name + prefixed(len(value), 7) + value
    return out


def request(*more, method="GET", path="/", authority="localhost"):
    pseudo = ((":method", method), (":scheme", "https"), (":authority", authority), (":path", path))
    return [(n, v) for n, v in pseudo if v is not None] + list(more)


def headers(pairs):
    return frame(HEADERS, pairs if isinstance(pairs, bytes) else fields(pairs))


def digits(data):
    """Digits in the Huffman code of HPACK."""
    bits = "".join(f"{b:08b}" for b in data)
    codes = {f"{n:05b}": str(n) for n in range(3)} | {f"{0x16 + n:06b}": str(n) for n in range(3, 10)}
    out = ""
    while len(out) < 3:
        code = bits[:5] if bits[:5] in codes else bits[:6]
        out, bits = out + codes[code], bits[len(code):]
    return int(out)


def status_of(section):
    first = section[2]
    if first & 0xc0 == 0xc0:
        index, at = first & 0x3f, 3
        if index == 0x3f:
            index, at = 0x3f + section[3], 4
        return STATIC_STATUS[index]
    at = 3 if first & 0x0f != 0x0f else 4  # a literal with a name of the static table
    size = section[at] & 0x7f
    value = section[at + 1:at + 1 + size]
    return digits(value) if section[at] & 0x80 else int(value)


class H3(Quic):
    """A connection that has told its settings, unless greet is False."""

    def __init__(self, port, greet=True, settings=b"", **how):
        super().__init__(port, **how)
        self.handshake()
        if greet and self.done:
            self.send_stream(CONTROL, b"\0" + frame(SETTINGS, settings))

    def ask(self, pairs=None, content=b"", seconds=60.0):
        """A request on the next stream; its status. None: there was no answer."""
        sid = next(self.next_stream)
        self.send_stream(sid, headers(pairs or request()) + (frame(DATA, content) if content else b""), True)
        self.until(lambda: self.closed or sid in self.resets or self.status(sid), seconds)
        return self.status(sid)

    def status(self, sid):
        r = Reader(self.stream_bytes(sid))
        try:
            while True:
                kind, section = r.varint(), r.bytes(r.varint())
                if kind == HEADERS:
                    return status_of(section)
        except ValueError:
            return None
