"""A QUIC client whose packets and frames are what a test says, right or wrong (RFC 9000, 9001; version 1, one cipher
suite, one group), and what came back. No library: the handshake of TLS 1.3 is here, believes any certificate, and
takes AES and X25519 from OpenSSL's library, which `openssl` brings along."""
import ctypes
import hashlib
import hmac
import itertools
import os
import select
import socket
import time

INITIAL, HANDSHAKE, APPLICATION = 0, 2, 3  # spaces; the first two are the types of long headers, too
V1 = 1
SALT = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
(NO_ERROR, INTERNAL_ERROR, CONNECTION_REFUSED, FLOW_CONTROL_ERROR, STREAM_LIMIT_ERROR, STREAM_STATE_ERROR,
 FINAL_SIZE_ERROR, FRAME_ENCODING_ERROR, TRANSPORT_PARAMETER_ERROR, CONNECTION_ID_LIMIT_ERROR, PROTOCOL_VIOLATION,
 INVALID_TOKEN, APPLICATION_ERROR, CRYPTO_BUFFER_EXCEEDED, KEY_UPDATE_ERROR, AEAD_LIMIT_REACHED, NO_VIABLE_PATH,
 VERSION_NEGOTIATION_ERROR) = range(18)
PADDING, PING = b"\0", b"\1"

# --- OpenSSL ---

LIB = ctypes.CDLL("libcrypto.so.3")
P = ctypes.c_void_p
for _name in ("EVP_CIPHER_CTX_new", "EVP_aes_128_gcm", "EVP_aes_128_ecb", "EVP_PKEY_Q_keygen", "EVP_PKEY_new_raw_public_key",
              "EVP_PKEY_CTX_new"):
    getattr(LIB, _name).restype = P


class Aes:
    """AES-128-GCM with one key, and the block cipher alone for header protection with another."""

    def __init__(self, key, iv, hp):
        self.iv = int.from_bytes(iv, "big")
        self.seal_ctx, self.open_ctx, self.mask_ctx = (P(LIB.EVP_CIPHER_CTX_new()) for _ in range(3))
        gcm, ecb = P(LIB.EVP_aes_128_gcm()), P(LIB.EVP_aes_128_ecb())
        LIB.EVP_EncryptInit_ex(self.seal_ctx, gcm, None, key, None)
        LIB.EVP_DecryptInit_ex(self.open_ctx, gcm, None, key, None)
        LIB.EVP_EncryptInit_ex(self.mask_ctx, ecb, None, hp, None)
        self.out, self.n = ctypes.create_string_buffer(70000), ctypes.c_int()

    def __del__(self):
        for ctx in (self.seal_ctx, self.open_ctx, self.mask_ctx):
            LIB.EVP_CIPHER_CTX_free(ctx)

    def nonce(self, number):
        return (self.iv ^ number).to_bytes(12, "big")

    def seal(self, number, head, data):
        c, n = self.seal_ctx, ctypes.byref(self.n)
        LIB.EVP_EncryptInit_ex(c, None, None, None, self.nonce(number))
        LIB.EVP_EncryptUpdate(c, None, n, head, len(head))
        LIB.EVP_EncryptUpdate(c, self.out, n, data, len(data))
        out = self.out.raw[:len(data)]
        LIB.EVP_EncryptFinal_ex(c, self.out, n)
        LIB.EVP_CIPHER_CTX_ctrl(c, 0x10, 16, self.out)
        return out + self.out.raw[:16]

    def open(self, number, head, data):
        """None: it is not sealed with this key."""
        if len(data) < 16:
            return None
        c, n, data, tag = self.open_ctx, ctypes.byref(self.n), data[:-16], data[-16:]
        LIB.EVP_DecryptInit_ex(c, None, None, None, self.nonce(number))
        LIB.EVP_DecryptUpdate(c, None, n, head, len(head))
        LIB.EVP_DecryptUpdate(c, self.out, n, data, len(data))
        out = self.out.raw[:len(data)]
        LIB.EVP_CIPHER_CTX_ctrl(c, 0x11, 16, tag)
        return out if LIB.EVP_DecryptFinal_ex(c, self.out, n) == 1 else None

    def mask(self, sample):
        LIB.EVP_EncryptUpdate(self.mask_ctx, self.out, ctypes.byref(self.n), sample, 16)
        return self.out.raw[:5]


class Share:
    """A key of X25519."""

    def __init__(self):
        self.key = P(LIB.EVP_PKEY_Q_keygen(None, None, b"X25519"))
        self.public, size = ctypes.create_string_buffer(32), ctypes.c_size_t(32)
        LIB.EVP_PKEY_get_raw_public_key(self.key, self.public, ctypes.byref(size))
        self.public = self.public.raw

    def secret(self, theirs):
        peer = P(LIB.EVP_PKEY_new_raw_public_key(1034, None, theirs, ctypes.c_size_t(32)))
        ctx = P(LIB.EVP_PKEY_CTX_new(self.key, None))
        out, size = ctypes.create_string_buffer(32), ctypes.c_size_t(32)
        LIB.EVP_PKEY_derive_init(ctx)
        LIB.EVP_PKEY_derive_set_peer(ctx, peer)
        LIB.EVP_PKEY_derive(ctx, out, ctypes.byref(size))
        LIB.EVP_PKEY_CTX_free(ctx)
        LIB.EVP_PKEY_free(peer)
        return out.raw

    def __del__(self):
        LIB.EVP_PKEY_free(self.key)


def sha(data):
    return hashlib.sha256(data).digest()


def mac(key, data):
    return hmac.digest(key, data, "sha256")


def expand(secret, label, context=b"", size=32):
    """HKDF-Expand-Label of TLS 1.3, for at most 32 bytes."""
    label = b"tls13 " + label.encode()
    info = size.to_bytes(2, "big") + bytes([len(label)]) + label + bytes([len(context)]) + context
    return mac(secret, info + b"\1")[:size]


def keys(secret, hp=None):
    return Aes(expand(secret, "quic key", size=16), expand(secret, "quic iv", size=12), hp or expand(secret, "quic hp", size=16))


# --- words ---

def varint(n, size=0):
    """size: more bytes than it needs."""
    for code, bytes_ in ((0, 1), (1, 2), (2, 4), (3, 8)):
        if bytes_ >= size and n < 1 << (8 * bytes_ - 2):
            return (n | code << (8 * bytes_ - 2)).to_bytes(bytes_, "big")
    raise ValueError(n)


class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def left(self):
        return len(self.data) - self.at

    def bytes(self, n):
        if n > self.left():
            raise ValueError("breaks off")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, n):
        return int.from_bytes(self.bytes(n), "big")

    def varint(self):
        first = self.bytes(1)[0]
        more = (1 << (first >> 6)) - 1
        return (first & 0x3f) << (8 * more) | self.number(more)


def vector(data, size=2):
    return len(data).to_bytes(size, "big") + data


# --- frames ---

def crypto(offset, data):
    return b"\6" + varint(offset) + varint(len(data)) + data


def stream(sid, data=b"", offset=0, fin=False):
    return bytes([0x0e | fin]) + varint(sid) + varint(offset) + varint(len(data)) + data


def ack(largest, first=0, ranges=(), delay=0, ecn=None):
    """ranges: (gap, length) as they stand in the frame."""
    tail = b"".join(varint(n) for pair in ranges for n in pair) + b"".join(varint(n) for n in ecn or ())
    return bytes([3 if ecn else 2]) + varint(largest) + varint(delay) + varint(len(ranges)) + varint(first) + tail


def new_id(number, before=0, id=None, token=None):
    id = os.urandom(8) if id is None else id
    return b"\x18" + varint(number) + varint(before) + vector(id, 1) + (token or os.urandom(16))


def retire_id(number):
    return b"\x19" + varint(number)


def path_challenge(data=None):
    return b"\x1a" + (data or os.urandom(8))


def reset_stream(sid, code=0x10c, size=0):
    return b"\4" + varint(sid) + varint(code) + varint(size)


def stop_sending(sid, code=0x10c):
    return b"\5" + varint(sid) + varint(code)


def parameter(number, value):
    value = varint(value) if isinstance(value, int) else value
    return varint(number) + varint(len(value)) + value


class Space:
    """Packet numbers and keys of one space."""

    def __init__(self):
        self.ours = self.theirs = None  # Aes
        self.next, self.largest, self.seen, self.owed = 0, -1, [], False
        self.crypto_out, self.crypto_in, self.crypto_parts = 0, b"", {}

    def saw(self, number):
        """False: it came before. Keeps what came as ranges, the highest first."""
        for r in self.seen:
            if r[0] <= number <= r[1]:
                return False
            if number == r[1] + 1:
                r[1] = number
                break
            if number == r[0] - 1:
                r[0] = number
                break
        else:
            self.seen.append([number, number])
        self.seen.sort(reverse=True)
        for i in range(len(self.seen) - 1, 0, -1):
            if self.seen[i - 1][0] == self.seen[i][1] + 1:
                self.seen[i - 1][0] = self.seen.pop(i)[0]
        self.largest = max(self.largest, number)
        return True

    def ack(self):
        high = self.seen[0]
        pairs = [(a[0] - b[1] - 2, b[1] - b[0]) for a, b in zip(self.seen, self.seen[1:20])]
        return ack(high[1], high[1] - high[0], pairs)


class Quic:
    """A connection. .closed is what CONNECTION_CLOSE said: (kind, code, reason), kind "transport" or "application"."""

    def __init__(self, port, host="127.0.0.1", name="localhost", parameters=b"", windows=1 << 20):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.to, self.name = (host, port), name
        self.sock.connect(self.to)
        self.dcid, self.scid = os.urandom(8), os.urandom(8)
        self.first_dcid, self.token, self.retried, self.versions = self.dcid, b"", False, None
        self.more_parameters, self.windows = parameters, windows
        self.spaces = {INITIAL: Space(), HANDSHAKE: Space(), APPLICATION: Space()}
        self.share, self.phase, self.acking = Share(), 0, True
        self.closed, self.done, self.ready = None, False, False
        self.frames, self.data, self.ended, self.resets, self.stops = [], {}, set(), {}, {}
        self.ids, self.challenges, self.responses, self.retired = [], [], 0, 0
        self.strange, self.received, self.datagrams = 0, 0, 0
        self.sent_at, self.next_stream, self.acked = {}, itertools.count(0, 4), -1
        self.initial_acked, self.unheard = -1, {}  # packets with frames of streams that nobody acknowledged
        self.initial_keys()

    def close(self):
        self.sock.close()

    # --- packets ---

    def initial_keys(self):
        secret = mac(SALT, self.dcid)
        space = self.spaces[INITIAL]
        space.ours, space.theirs = keys(expand(secret, "client in")), keys(expand(secret, "server in"))

    def long_head(self, kind, length, dcid=None, version=V1, token=None):
        dcid = self.dcid if dcid is None else dcid
        token = self.token if token is None else token
        head = bytes([0xc3 | kind << 4]) + version.to_bytes(4, "big") + vector(dcid, 1) + vector(self.scid, 1)
        if kind == INITIAL:
            head += varint(len(token)) + token
        return head + varint(length, 2)

    def packet(self, frames, kind=APPLICATION, number=None, least=0, phase=None, **head_of):
        """A protected packet. least: padded to so many bytes."""
        space = self.spaces[kind]
        if number is None:
            number, space.next = space.next, space.next + 1
        if kind == APPLICATION:
            phase = self.phase if phase is None else phase
            head = bytes([0x43 | phase << 2]) + head_of.get("dcid", self.dcid)
        overhead = 4 + 16
        bare = len(head) if kind == APPLICATION else len(self.long_head(kind, 0, **head_of))
        frames = frames.ljust(max(4, least - bare - overhead), PADDING)
        if kind != APPLICATION:
            head = self.long_head(kind, len(frames) + overhead, **head_of)
        at, head = len(head), head + (number & 0xffffffff).to_bytes(4, "big")
        sealed = space.ours.seal(number, head, frames)
        mask = space.ours.mask(sealed[:16])
        head = bytearray(head)
        head[0] ^= mask[0] & (0x1f if kind == APPLICATION else 0x0f)
        for i in range(4):
            head[at + i] ^= mask[1 + i]
        return bytes(head) + sealed

    def raw(self, datagram, sock=None):
        try:
            (sock or self.sock).send(datagram)
        except (ConnectionRefusedError, BlockingIOError):
            pass

    def send(self, *frames, **how):
        """One packet of the application's space with these frames."""
        sock = how.pop("sock", None)
        self.unheard[self.spaces[APPLICATION].next] = frames
        self.raw(self.packet(b"".join(frames), **how), sock)

    def again(self, most=40):
        """Says once more what nobody acknowledged: a server that has no time for us loses packets."""
        if self.closed or not self.done:
            return
        for number in sorted(self.unheard)[:most]:
            self.send(*self.unheard.pop(number))

    def knock(self):
        """Says anything, to hear something."""
        if self.ready:
            self.send(PING)
        else:
            self.raw(self.packet(PING, INITIAL, least=1200))

    def send_stream(self, sid, data, fin=False):
        """In order, in as many packets as it takes; no more at a time than a socket holds."""
        space = self.spaces[APPLICATION]
        at, parts = self.sent_at.get(sid, 0), [data[i:i + 1100] for i in range(0, len(data), 1100)] or [b""]
        for i, part in enumerate(parts):
            self.send(stream(sid, part, at, fin and i == len(parts) - 1))
            at += len(part)
            if i % 20 == 19:
                self.until(lambda: space.next - self.acked < 20 or self.closed, 20)
        self.sent_at[sid] = at

    # --- TLS ---

    def parameters(self):
        window = self.windows
        return (b"".join(parameter(n, v) for n, v in ((1, 30000), (4, window * 4), (5, window), (6, window), (7, window), (8, 100), (9, 100),
                                                      (14, 8), (15, self.scid))) + self.more_parameters)

    def hello(self):
        def ext(number, data):
            return number.to_bytes(2, "big") + vector(data)
        name = vector(b"\0" + vector(self.name.encode()))
        exts = (ext(0, name) + ext(10, vector(b"\0\x1d")) + ext(13, vector(b"\4\3\x08\4\4\1\x08\x07")) + ext(43, vector(b"\3\4", 1)) +
                ext(45, b"\1\1") + ext(51, vector(b"\0\x1d" + vector(self.share.public))) + ext(16, vector(vector(b"h3", 1))) +
                ext(57, self.parameters()))
        body = b"\3\3" + os.urandom(32) + b"\0" + vector(b"\x13\1") + b"\1\0" + vector(exts)
        return b"\1" + vector(body, 3)

    def start(self):
        """The first flight."""
        self.transcript = self.hello()
        self.raw(self.packet(crypto(0, self.transcript), INITIAL, least=1200))
        return self

    def handshake(self, seconds=100):
        end = time.monotonic() + seconds
        self.start()
        while not self.done and not self.closed:
            if time.monotonic() > end:
                raise TimeoutError("no handshake")
            if not self.hear(1) and not self.ready:
                self.raw(self.packet(crypto(0, self.transcript), INITIAL, least=1200))
            elif self.ready and not self.done:
                self.raw(self.packet(crypto(0, self.finished), HANDSHAKE))
        if self.done:
            self.spaces[HANDSHAKE].owed = self.spaces[INITIAL].owed = False
        return self

    def take_crypto(self, kind, offset, data):
        space = self.spaces[kind]
        space.crypto_parts[offset] = data
        while len(space.crypto_in) in space.crypto_parts:
            space.crypto_in += space.crypto_parts.pop(len(space.crypto_in))
        messages, r = [], Reader(space.crypto_in)
        while r.left() >= 4:
            size = int.from_bytes(space.crypto_in[r.at + 1:r.at + 4], "big") + 4
            if r.left() < size:
                break
            messages.append(r.bytes(size))
        if kind == INITIAL and messages and not self.spaces[HANDSHAKE].ours:
            self.server_hello(messages[0])
        if kind == HANDSHAKE and messages and messages[-1][0] == 20 and not self.ready:
            self.server_finished(b"".join(messages))

    def server_hello(self, message):
        r = Reader(message, 4 + 2 + 32)
        r.bytes(r.number(1))
        r.bytes(3)
        end, theirs = r.number(2) + r.at, None
        while r.at < end:
            number, data = r.number(2), r.bytes(r.number(2))
            if number == 51:
                theirs = data[4:]
        self.transcript += message
        zero, so_far = bytes(32), sha(self.transcript)
        secret = mac(expand(mac(zero, zero), "derived", sha(b"")), self.share.secret(theirs))
        self.ours, theirs = expand(secret, "c hs traffic", so_far), expand(secret, "s hs traffic", so_far)
        space = self.spaces[HANDSHAKE]
        space.ours, space.theirs = keys(self.ours), keys(theirs)
        self.master = mac(expand(secret, "derived", sha(b"")), zero)

    def server_finished(self, messages):
        self.transcript += messages
        so_far = sha(self.transcript)
        verify = mac(expand(self.ours, "finished"), so_far)
        self.finished = b"\x14" + vector(verify, 3)
        self.secrets = [expand(self.master, "c ap traffic", so_far), expand(self.master, "s ap traffic", so_far)]
        space = self.spaces[APPLICATION]
        space.ours, space.theirs = (keys(s) for s in self.secrets)
        self.hps = [expand(s, "quic hp", size=16) for s in self.secrets]
        self.ready = True
        self.raw(self.packet(self.spaces[INITIAL].ack(), INITIAL, least=1200))
        self.raw(self.packet(self.spaces[HANDSHAKE].ack() + crypto(0, self.finished), HANDSHAKE))

    def update_keys(self, theirs=True):
        """The next keys, both ways or for us alone."""
        space = self.spaces[APPLICATION]
        self.secrets = [expand(s, "quic ku") for s in self.secrets]
        space.ours = keys(self.secrets[0], self.hps[0])
        if theirs:
            space.theirs = keys(self.secrets[1], self.hps[1])
        self.phase ^= 1

    # --- what comes ---

    def hear(self, seconds=0.0, sock=None):
        """Everything that is there, or comes first within that time. False: nothing."""
        sock, heard = sock or self.sock, False
        while select.select([sock], [], [], 0 if heard else seconds)[0]:
            try:
                data = sock.recv(70000)
            except ConnectionRefusedError:
                continue
            heard = True
            self.received += len(data)
            self.datagrams += 1
            self.take_datagram(data)
        if heard and self.acking and not self.closed:
            for kind, space in self.spaces.items():
                if space.owed and space.ours and (kind != HANDSHAKE or not self.done) and (kind != INITIAL or not self.ready):
                    space.owed = False
                    self.raw(self.packet(space.ack(), kind, least=1200 if kind == INITIAL else 0))
        return heard

    def until(self, what, seconds=60.0):
        """Hears until what() is true; its last value."""
        end, heard = time.monotonic() + seconds, time.monotonic()
        while not what() and time.monotonic() < end:
            if self.hear(0.05):
                heard = time.monotonic()
            elif time.monotonic() - heard > 1:  # silence
                self.again()
                heard = time.monotonic()
        return what()

    def take_datagram(self, data):
        at = 0
        while at < len(data):
            try:
                at += self.take_packet(data[at:])
            except ValueError:
                self.strange += 1
                return

    def take_packet(self, data):
        """How long it was."""
        first, r = data[0], Reader(data, 1)
        if not first & 0x80:
            r.bytes(8)
            self.open(APPLICATION, data, r.at)
            return len(data)
        version, _, scid = r.number(4), r.bytes(r.number(1)), r.bytes(r.number(1))
        if version == 0:
            self.versions = [r.number(4) for _ in range(r.left() // 4)]
            return len(data)
        kind = first >> 4 & 3
        if kind == 3:
            if not self.retried:
                self.retried, self.token, self.dcid = True, r.bytes(r.left() - 16), scid
                self.initial_keys()
                self.raw(self.packet(crypto(0, self.transcript), INITIAL, least=1200))
            return len(data)
        if kind == INITIAL:
            r.bytes(r.varint())
        length = r.varint()
        end = r.at + length
        self.dcid = scid
        self.open(kind, data[:end], r.at)
        return end

    def open(self, kind, data, at):
        space = self.spaces.get(kind)
        if not space or not space.theirs or len(data) < at + 20:
            self.strange += 1
            return
        mask = space.theirs.mask(data[at + 4:at + 20])
        first = data[0] ^ mask[0] & (0x1f if kind == APPLICATION else 0x0f)
        size = (first & 3) + 1
        number = bytes(a ^ b for a, b in zip(data[at:at + size], mask[1:]))
        head = bytes([first]) + data[1:at] + number
        wide, expected = 1 << 8 * size, space.largest + 1
        number = expected - expected % wide + int.from_bytes(number, "big")
        if number > expected + wide // 2 and number >= wide:
            number -= wide
        elif number <= expected - wide // 2:
            number += wide
        frames = space.theirs.open(number, head, data[at + size:])
        if frames is None:
            self.strange += 1
        elif space.saw(number):
            self.take_frames(kind, Reader(frames))

    def take_frames(self, kind, r):
        while r.left():
            type_ = r.varint()
            if type_ == 0:
                continue
            if type_ not in (2, 3, 0x1c, 0x1d):
                self.spaces[kind].owed = True
            self.frames.append(type_)
            self.take_frame(kind, type_, r)

    def take_frame(self, kind, type_, r):
        if type_ in (2, 3):
            high, _, count = r.varint(), r.varint(), r.varint()
            ranges = [(high - r.varint(), high)]
            for _ in range(count):
                last = ranges[-1][0] - r.varint() - 2
                ranges.append((last - r.varint(), last))
            for _ in range(3 * (type_ == 3)):
                r.varint()
            if kind == INITIAL:
                self.initial_acked = max(self.initial_acked, high)
            if kind == APPLICATION:
                self.acked = max(self.acked, high)
                for number in [n for n in self.unheard if any(a <= n <= b for a, b in ranges)]:
                    del self.unheard[number]
        elif type_ == 4:
            sid, code, _ = r.varint(), r.varint(), r.varint()
            self.resets[sid] = code
        elif type_ == 5:
            sid, code = r.varint(), r.varint()
            self.stops[sid] = code
        elif type_ == 6:
            offset = r.varint()
            self.take_crypto(kind, offset, r.bytes(r.varint()))
        elif type_ == 7:
            self.new_token = r.bytes(r.varint())
        elif 8 <= type_ <= 15:
            sid, offset = r.varint(), r.varint() if type_ & 4 else 0
            data = r.bytes(r.varint() if type_ & 2 else r.left())
            self.data.setdefault(sid, {})[offset] = data
            if type_ & 1:
                self.ended.add(sid)
        elif type_ in (0x10, 0x12, 0x13, 0x14, 0x16, 0x17):
            r.varint()
        elif type_ in (0x11, 0x15):
            r.varint(), r.varint()
        elif type_ == 0x18:
            number, _, id, _ = r.varint(), r.varint(), r.bytes(r.number(1)), r.bytes(16)
            self.ids.append((number, id))
        elif type_ == 0x19:
            r.varint()
            self.retired += 1
        elif type_ == 0x1a:
            self.challenges.append(r.bytes(8))
        elif type_ == 0x1b:
            r.bytes(8)
            self.responses += 1
        elif type_ in (0x1c, 0x1d):
            code = r.varint()
            if type_ == 0x1c:
                r.varint()
            self.closed = ("transport" if type_ == 0x1c else "application", code, r.bytes(r.varint()))
        elif type_ == 0x1e:
            self.done = True

    def stream_bytes(self, sid):
        """What came of a stream without a gap."""
        parts, out = self.data.get(sid, {}), b""
        for offset in sorted(parts):
            if offset > len(out):
                break
            out += parts[offset][len(out) - offset:]
        return out
