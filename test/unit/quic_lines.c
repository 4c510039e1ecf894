/* quic_lines.c - what the QUIC library writes about packets is understood, and nothing that it
 * might write is too much. */
// SPDX-License-Identifier: MIT
#include "quic/quic_lines.h"

#include "support/check.h"

static tc_quic_lines lines;

#define HEAD "I00000002 0xb16a62d492759be8dc45b45afd2e89ef11 "

static tc_quic_said say(const char *line)
{
    const tc_span text = check_edge(tc_span_str(line));
    const tc_quic_said said = tc_quic_lines_read(&lines, text);
    if (said.kind == TC_LINE_PACKET) tc_quic_lines_open(&lines, text);
    return said;
}

static const tc_packet_frame *frame(const char *line)
{
    assert_int_equal(say(line).kind, TC_LINE_FRAME);
    return &lines.packet.frames[lines.packet.frame_count - 1];
}

static void a_packet(void **state)
{
    (void)state;
    assert_int_equal(say(HEAD "pkt rx pkn=7 dcid=0xb16a scid=0x0000aa79 version=0x6b3343cf "
                              "type=Handshake len=773")
                         .kind,
                     TC_LINE_PACKET);
    assert_true(lines.open && !lines.sent);
    const tc_packet *p = &lines.packet;
    assert_int_equal(p->type, TC_PACKET_HANDSHAKE);
    assert_int_equal(p->number, 7);
    assert_int_equal(p->version, 0x6b3343cf);
    check_span(p->dcid, "b16a");
    check_span(p->scid, "0000aa79");
    const tc_packet_frame *f = frame(HEAD "frm rx 7 Handshake CRYPTO(0x06) offset=12 len=752");
    assert_int_equal(f->type, 6);
    assert_int_equal(f->offset, 12);
    assert_int_equal(f->length, 752);
    const tc_quic_said said = say(HEAD "pkt read packet 813 left 224");
    assert_int_equal(said.kind, TC_LINE_READ);
    assert_int_equal(said.number, 813);
    /* of another packet, direction or kind */
    assert_int_equal(say(HEAD "frm rx 8 Handshake PING(0x01)").kind, TC_LINE_NOTHING);
    assert_int_equal(say(HEAD "frm tx 7 Handshake PING(0x01)").kind, TC_LINE_NOTHING);
    assert_int_equal(say(HEAD "frm rx 7 1RTT PING(0x01)").kind, TC_LINE_NOTHING);
}

static void frames(void **state)
{
    (void)state;
    assert_int_equal(say(HEAD "pkt tx pkn=9 dcid=0x00 type=1RTT k=0").kind, TC_LINE_PACKET);
    assert_true(lines.sent);
    const tc_packet_frame *f =
        frame(HEAD "frm tx 9 1RTT ACK(0x03) largest_ack=80 ack_delay=3(300) ack_range_count=1");
    assert_int_equal(say(HEAD "frm tx 9 1RTT ACK(0x03) range=[80..78] len=2").kind,
                     TC_LINE_NOTHING);
    say(HEAD "frm tx 9 1RTT ACK(0x03) range=[70..70] gap=6 len=0");
    say(HEAD "frm tx 9 1RTT ACK(0x03) ect0=5 ect1=6 ce=7");
    assert_int_equal(f->delay, 3000);
    assert_int_equal(f->range_count, 2);
    assert_int_equal(lines.packet.ranges[f->range][0], 78);
    assert_int_equal(lines.packet.ranges[f->range][1], 80);
    assert_int_equal(lines.packet.ranges[f->range + 1][0], 70);
    assert_int_equal(f->ecn[0] * 100 + f->ecn[1] * 10 + f->ecn[2], 567);
    f = frame(HEAD "frm tx 9 1RTT STREAM(0x0b) id=0x1c fin=1 offset=20 len=42 uni=0");
    assert_int_equal(f->type, 0x0b);
    assert_int_equal(f->id, 0x1c);
    assert_int_equal(f->offset, 20);
    f = frame(HEAD "frm tx 9 1RTT RESET_STREAM(0x04) id=0x4 app_error_code=(unknown)(0x10c) "
                   "final_size=99");
    assert_int_equal(f->code, 0x10c);
    assert_int_equal(f->most, 99);
    f = frame(HEAD "frm tx 9 1RTT STOP_SENDING(0x05) id=0x4 app_error_code=(unknown)(0x10d)");
    assert_int_equal(f->code, 0x10d);
    assert_int_equal(frame(HEAD "frm tx 9 1RTT MAX_DATA(0x10) max_data=65")->most, 65);
    f = frame(HEAD "frm tx 9 1RTT MAX_STREAM_DATA(0x11) id=0x4 max_stream_data=66");
    assert_int_equal(f->id * 1000 + f->most, 4066);
    assert_int_equal(frame(HEAD "frm tx 9 1RTT MAX_STREAMS(0x13) max_streams=67")->most, 67);
    assert_int_equal(frame(HEAD "frm tx 9 1RTT STREAMS_BLOCKED(0x16) max_streams=68")->most, 68);
    f = frame(HEAD "frm tx 9 1RTT STREAM_DATA_BLOCKED(0x15) id=0x8 offset=69");
    assert_int_equal(f->id * 1000 + f->most, 8069);
    f = frame(HEAD "frm tx 9 1RTT NEW_CONNECTION_ID(0x18) seq=3 cid=0x6c96 retire_prior_to=1 "
                   "stateless_reset_token=0x5a2d31d944b3fa3f676ed5daa0503906");
    assert_int_equal(f->id * 10 + f->offset, 31);
    check_span(f->text, "6c96");
    f = frame(HEAD "frm tx 9 1RTT NEW_TOKEN(0x07) token=0x36d7 len=41");
    assert_int_equal(f->length, 41);
    assert_int_equal(f->text.len, 0);
    check_span(frame(HEAD "frm tx 9 1RTT PATH_RESPONSE(0x1b) data=0x0102")->text, "0102");
    f = frame(HEAD "frm tx 9 1RTT CONNECTION_CLOSE(0x1c) error_code=PROTOCOL_VIOLATION(0xa) "
                   "frame_type=1e reason_len=9 reason=[a reason]]");
    assert_int_equal(f->code, 10);
    assert_int_equal(f->cause, 0x1e);
    check_span(f->text, "a reason]");
    f = frame(HEAD "frm tx 9 1RTT CONNECTION_CLOSE(0x1d) error_code=(unknown)(0x100) frame_type=0 "
                   "reason_len=0 reason=[]");
    assert_int_equal(f->code, 0x100);
}

static void other_lines(void **state)
{
    (void)state;
    tc_quic_said said = say(HEAD "ldc pkn=42 lost type=1RTT sent_ts=12");
    assert_int_equal(said.kind, TC_LINE_LOST);
    assert_int_equal(said.number, 42);
    assert_int_equal(said.type, TC_PACKET_1RTT);
    assert_int_equal(say(HEAD "rcv pkn=42 lost type=Initial sent_ts=12").type, TC_PACKET_INITIAL);
    assert_int_equal(say(HEAD "pkt cancel tx pkn=1 type=1RTT").kind, TC_LINE_CANCEL);
    assert_int_equal(say(HEAD "con rotate keys").kind, TC_LINE_KEYS);
    said = say(HEAD "pkt could not decrypt packet payload");
    assert_int_equal(said.kind, TC_LINE_DROPPED);
    assert_string_equal(said.why, "payload_decrypt_error");
    static const char *const nothing[] = {"",
                                          " ",
                                          "I0",
                                          HEAD,
                                          HEAD "pkt",
                                          HEAD "pkt rx",
                                          HEAD "pkt tx pkn=",
                                          HEAD "frm tx 9 1RTT PING",
                                          HEAD "frm tx 9 1RTT (",
                                          HEAD "ldc pkn=1 found",
                                          HEAD "con path is ECN capable",
                                          HEAD "cca 1200 bytes acked, slow start cwnd=13200"};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++)
        check_case(say(nothing[i]).kind == TC_LINE_NOTHING, nothing[i]);
}

/* A peer may send more frames and ranges than are kept, and more text. */
static void too_much(void **state)
{
    (void)state;
    say(HEAD "pkt rx pkn=9 dcid=0x00 type=1RTT k=0");
    say(HEAD "frm rx 9 1RTT ACK(0x02) largest_ack=80 ack_delay=3(300) ack_range_count=500");
    for (int i = 0; i < 500; i++)
        say(HEAD "frm rx 9 1RTT ACK(0x02) range=[70..70] gap=6 len=0");
    assert_int_equal(lines.packet.range_count, TC_PACKET_RANGES);
    for (int i = 0; i < 300; i++)
        say(HEAD "frm rx 9 1RTT CONNECTION_CLOSE(0x1c) error_code=NO_ERROR(0x0) frame_type=0 "
                 "reason_len=300 reason=[0123456789012345678901234567890123456789012345678901234567"
                 "890123456789012345678901234567890123456789012345678901234567890123456789012345]");
    assert_int_equal(lines.packet.frame_count, TC_PACKET_FRAMES);
    assert_true(lines.packet.cut);
    assert_int_equal(lines.packet.frames[TC_PACKET_FRAMES - 1].text.len, 0); /* no room was left */
    /* an ACK that found no place takes its ranges along */
    say(HEAD "frm rx 9 1RTT ACK(0x02) largest_ack=80 ack_delay=3(300) ack_range_count=0");
    say(HEAD "frm rx 9 1RTT ACK(0x02) range=[70..70] len=0");
    assert_int_equal(lines.packet.frames[0].range_count, TC_PACKET_RANGES);
    say(HEAD "pkt rx pkn=10 dcid=0x00 type=1RTT k=0");
    assert_int_equal(lines.packet.frame_count + lines.packet.range_count, 0);
    assert_false(lines.packet.cut);
}

/* Each line, cut off anywhere. */
static void cut_short(void **state)
{
    (void)state;
    static const char *const all[] = {
        HEAD "pkt rx pkn=7 dcid=0xb16a scid=0x0000aa79 version=0x6b3343cf type=Initial len=773",
        HEAD "frm rx 7 Initial ACK(0x03) largest_ack=80 ack_delay=3(300) ack_range_count=1",
        HEAD "frm rx 7 Initial ACK(0x03) range=[80..78] gap=1 len=2",
        HEAD "frm rx 7 Initial RESET_STREAM(0x04) id=0x4 app_error_code=(unknown)(0x10c)",
        HEAD "frm rx 7 Initial CONNECTION_CLOSE(0x1c) error_code=X(0xa) frame_type=1e reason=[a]",
        HEAD "pkt read packet 813 left 224",
        HEAD "ldc pkn=42 lost type=1RTT sent_ts=12"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (size_t n = 0; n < strlen(all[i]); n++) {
            say(all[0]);
            const tc_span part = check_edge(tc_span_of(all[i], n));
            const tc_quic_said said = tc_quic_lines_read(&lines, part);
            if (said.kind == TC_LINE_PACKET) tc_quic_lines_open(&lines, part);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_packet), cmocka_unit_test(frames),
                                       cmocka_unit_test(other_lines), cmocka_unit_test(too_much),
                                       cmocka_unit_test(cut_short)};
    return cmocka_run_group_tests_name("quic_lines", tests, NULL, NULL);
}
