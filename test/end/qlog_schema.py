"""What qlog asks of a trace: draft-ietf-quic-qlog-main-schema-04, -quic-events-03 and -h3-events-03, at version 0.3,
and for HTTP/2 what qvis reads (qlog_tcp_tls_h2.ts). Strict: every member is known, has its type, and those that
must be there are. What qvis's loader does (textsequencejsontoqlog.ts, QlogLoaderV2.ts) is done here, too."""
import json
import re

U64 = "number"


def is_a(value, kind):
    if kind == U64:
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 64
    if kind == "ms":
        return isinstance(value, float) and value >= 0
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "text":
        return isinstance(value, str)
    if kind == "hex":
        return isinstance(value, str) and re.fullmatch(r"([0-9a-f]{2})*", value) is not None
    if isinstance(kind, set):
        return value in kind
    raise AssertionError(kind)


class Wrong(AssertionError):
    pass


def check(what, must, may, where):
    """An object with the members of must, and any of may; a kind may be a function that checks."""
    if not isinstance(what, dict):
        raise Wrong(f"{where}: no object: {what!r}")
    for name in must:
        if name not in what:
            raise Wrong(f"{where}: {name} is missing in {what}")
    for name, value in what.items():
        kind = must.get(name) or may.get(name)
        if kind is None:
            raise Wrong(f"{where}: nobody knows {name} in {what}")
        if callable(kind):
            kind(value, f"{where}.{name}")
        elif not is_a(value, kind):
            raise Wrong(f"{where}.{name}: {value!r} is no {kind}")


def many(one):
    def check_many(value, where):
        if not isinstance(value, list):
            raise Wrong(f"{where}: no list: {value!r}")
        for i, each in enumerate(value):
            one(each, f"{where}[{i}]")
    return check_many


def some(must, may={}):
    return lambda value, where: check(value, must, may, where)


def a_range(value, where):
    if not (isinstance(value, list) and len(value) == 2 and all(is_a(n, U64) for n in value) and value[0] <= value[1]):
        raise Wrong(f"{where}: {value!r} is no range")


STREAMS = {"unidirectional", "bidirectional"}
STREAM_FRAME = ({"stream_id": U64, "offset": U64, "length": U64}, {"fin": {True}})
QUIC_FRAMES = {
    "padding": ({}, {"length": U64}),
    "ping": ({}, {}),
    "ack": ({"acked_ranges": many(a_range)}, {"ack_delay": "ms", "ect0": U64, "ect1": U64, "ce": U64}),
    "reset_stream": ({"stream_id": U64, "error_code": U64, "final_size": U64}, {}),
    "stop_sending": ({"stream_id": U64, "error_code": U64}, {}),
    "crypto": ({"offset": U64, "length": U64}, {}),
    "new_token": ({"token": some({"raw": some({"length": U64})})}, {}),
    "stream": STREAM_FRAME,
    "max_data": ({"maximum": U64}, {}),
    "max_stream_data": ({"stream_id": U64, "maximum": U64}, {}),
    "max_streams": ({"stream_type": STREAMS, "maximum": U64}, {}),
    "data_blocked": ({"limit": U64}, {}),
    "stream_data_blocked": ({"stream_id": U64, "limit": U64}, {}),
    "streams_blocked": ({"stream_type": STREAMS, "limit": U64}, {}),
    "new_connection_id": ({"sequence_number": U64, "retire_prior_to": U64, "connection_id": "hex"},
                          {"connection_id_length": U64}),
    "retire_connection_id": ({"sequence_number": U64}, {}),
    "path_challenge": ({}, {"data": "hex"}),
    "path_response": ({}, {"data": "hex"}),
    "connection_close": ({}, {"error_space": {"transport", "application"}, "error_code": U64, "raw_error_code": U64,
                              "reason": "text", "trigger_frame_type": U64}),
    "handshake_done": ({}, {}),
    "unknown": ({"raw_frame_type": U64}, {}),
}


def frame_of(kinds):
    def check_frame(value, where):
        kind = value.get("frame_type") if isinstance(value, dict) else None
        if kind not in kinds:
            raise Wrong(f"{where}: no such frame: {value!r}")
        must, may = kinds[kind]
        check(value, {"frame_type": {kind}, **must}, may, f"{where}({kind})")
    return check_frame


FIELD = some({"name": "text", "value": "text"})
SETTING = some({"name": "text", "value": U64})
H3_FRAMES = {
    "data": ({}, {}),
    "headers": ({"headers": many(FIELD)}, {}),
    "cancel_push": ({"push_id": U64}, {}),
    "settings": ({"settings": many(SETTING)}, {}),
    "push_promise": ({"push_id": U64, "headers": many(FIELD)}, {}),
    "goaway": ({"id": U64}, {}),
    "max_push_id": ({"push_id": U64}, {}),
    "reserved": ({}, {}),
    "unknown": ({"raw_frame_type": U64}, {"name": "text", "id": U64}),
}
H2 = {"byte_length": U64}
END = {"stream_end": "bool"}
H2_FRAMES = {
    "data": ({**H2, **END}, {}),
    "headers": ({**H2, **END}, {"headers": many(FIELD)}),
    "priority": (H2, {}),
    "reset_stream": ({**H2, "error_code": U64}, {}),
    "settings": ({**H2, "ack": "bool", "settings": many(SETTING)}, {}),
    "push_promise": ({**H2, "promised_stream_id": U64}, {"headers": many(FIELD)}),
    "ping": ({**H2, "ack": "bool"}, {}),
    "go_away": ({**H2, "last_stream_id": U64, "error_code": U64}, {}),
    "window_update": ({**H2, "increment": U64}, {}),
    "continuation": (H2, {"headers": many(FIELD)}),
    "unknown": ({**H2, "raw_frame_type": U64}, {"name": "text", "prioritized_stream_id": U64}),
}

OWNER = {"local", "remote"}
PACKET_TYPES = {"initial", "handshake", "0RTT", "1RTT", "retry", "version_negotiation", "stateless_reset", "unknown"}
HEADER = some({"packet_type": PACKET_TYPES}, {"packet_number": U64, "version": "text", "scil": U64, "dcil": U64, "scid": "hex", "dcid": "hex"})
PACKET = ({"header": HEADER}, {"frames": many(frame_of(QUIC_FRAMES)), "raw": some({"length": U64}), "frames_cut": {True}})
STATES = {"attempted", "peer_validated", "handshake_started", "early_write", "handshake_complete", "handshake_confirmed", "closing",
          "draining", "closed"}
KEYS = {f"{who}_{what}_secret" for who in ("server", "client") for what in ("initial", "handshake", "0rtt", "1rtt")}
H3_EVENT = ({"stream_id": U64, "frame": frame_of(H3_FRAMES)}, {"length": U64, "byte_length": U64})
H2_EVENT = ({"stream_id": U64, "frame": frame_of(H2_FRAMES), "header_length": {9}, "payload_length": U64}, {})
EVENTS = {
    "connectivity:connection_started": ({"src_ip": "text", "dst_ip": "text"},
                                        {"ip_version": {"v4", "v6"}, "protocol": "text", "src_port": U64, "dst_port": U64}),
    "connectivity:connection_closed": ({}, {"owner": OWNER, "connection_code": U64, "application_code": U64, "trigger": {
        "clean", "handshake_timeout", "idle_timeout", "error", "stateless_reset", "version_mismatch", "application"}}),
    "connectivity:connection_state_updated": ({"new": STATES}, {}),
    "security:key_updated": ({"key_type": KEYS}, {"trigger": {"tls", "remote_update", "local_update"}}),
    "transport:parameters_set": ({"owner": OWNER}, {
        "disable_active_migration": "bool", "grease_quic_bit": "bool", **dict.fromkeys((
            "max_idle_timeout", "max_udp_payload_size", "ack_delay_exponent", "max_ack_delay", "active_connection_id_limit",
            "initial_max_data", "initial_max_stream_data_bidi_local", "initial_max_stream_data_bidi_remote",
            "initial_max_stream_data_uni", "initial_max_streams_bidi", "initial_max_streams_uni"), U64)}),
    "transport:packet_sent": PACKET,
    "transport:packet_received": PACKET,
    "transport:packet_dropped": ({}, {"header": HEADER, "trigger": {
        "key_unavailable", "unknown_connection_id", "header_parse_error", "payload_decrypt_error", "protocol_violation",
        "duplicate", "invalid_initial", "unexpected_packet"}}),
    "transport:data_moved": ({"stream_id": U64, "length": U64, "from": {"application", "transport"}, "to": {"application", "transport"}}, {}),
    "recovery:metrics_updated": ({}, {"min_rtt": "ms", "smoothed_rtt": "ms", "latest_rtt": "ms", "rtt_variance": "ms",
                                      "congestion_window": U64, "bytes_in_flight": U64, "ssthresh": U64}),
    "recovery:packet_lost": ({"header": HEADER}, {}),
    "http:parameters_set": ({"owner": OWNER}, dict.fromkeys((
        "max_field_section_size", "max_table_capacity", "blocked_streams_count", "enable_connect_protocol", "h3_datagram"), U64)),
    "http:stream_type_set": ({"stream_id": U64, "new": {"request", "control", "push", "reserved", "unknown", "qpack_encode", "qpack_decode"}},
                             {"owner": OWNER}),
    "http:frame_created": H3_EVENT,
    "http:frame_parsed": H3_EVENT,
    "http2:frame_created": H2_EVENT,
    "http2:frame_parsed": H2_EVENT,
}


def read(path):
    """A file, checked: (its header, its events)."""
    text = path.read_bytes().decode()
    if not text.startswith("\x1e") or not text.endswith("\n"):
        raise Wrong(f"{path}: no JSON text sequence")
    records = [json.loads(record) for record in text.split("\x1e")[1:]]
    head, events = records[0], records[1:]
    is_quic = head["trace"]["common_fields"]["protocol_type"] != "TCP_HTTP2"
    common = {"time_format": {"relative"}, "reference_time": "ms", "protocol_type": lambda *_: None}
    check(head, {"qlog_version": {"0.3"}, "qlog_format": {"JSON-SEQ"}, "trace": some({
        "vantage_point": some({"type": {"client", "server"}}, {"name": "text"}),
        "common_fields": some({**common, "ODCID": "hex"} if is_quic else common)})}, {"title": "text"}, "header")
    if head["trace"]["common_fields"]["protocol_type"] not in (["QUIC", "HTTP3"], "TCP_HTTP2"):
        raise Wrong(head)
    last = 0.0
    numbers = {}
    for event in events:
        check(event, {"time": "ms", "name": set(EVENTS), "data": lambda *_: None}, {}, "event")
        name, data = event["name"], event["data"]
        must, may = EVENTS[name]
        check(data, must, may, name)
        if event["time"] < last:
            raise Wrong(f"time goes back to {event['time']} from {last}")
        last = event["time"]
        if name.startswith("http2:") == is_quic:
            raise Wrong(name)
        if name == "transport:packet_sent":
            kind, number = data["header"]["packet_type"], data["header"]["packet_number"]
            if number <= numbers.get(kind, -1):
                raise Wrong(f"{kind} packet {number} after {numbers[kind]}")
            numbers[kind] = number
    return head, events
