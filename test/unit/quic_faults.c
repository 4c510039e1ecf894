/* quic_faults.c - sockets that do not send, or not so much, or say what is not so: what is under
 * way goes on. The system's calls are made here, and fail now and then. */
// SPDX-License-Identifier: MIT
#include <dlfcn.h>
#include <errno.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "support/check.h"
#include "support/quic_net.h"
#include "support/toy_streams.h"

enum kind { ALWAYS, CUT, LARGE, RECEIVING };

static const struct fault {
    const char *name;
    int error;
    enum kind kind;
    unsigned of_a_hundred;
} faults[] = {
    {"no buffers", ENOBUFS, ALWAYS, 30},          {"full", EAGAIN, ALWAYS, 30},
    {"not permitted", EPERM, ALWAYS, 10},         {"unreachable", ENETUNREACH, ALWAYS, 10},
    {"refused", ECONNREFUSED, ALWAYS, 5},         {"interrupted", EINTR, ALWAYS, 50},
    {"no address", EADDRNOTAVAIL, ALWAYS, 10},    {"no cutting", EIO, CUT, 100},
    {"strange to cut", EINVAL, CUT, 100},         {"too large", EMSGSIZE, LARGE, 100},
    {"an ICMP lie", ECONNREFUSED, RECEIVING, 20},
};

static const struct fault *fault;
static unsigned long failed;
static quic_net net;

static bool fails(void)
{
    if (!fault || check_random_below(100) >= fault->of_a_hundred) return false;
    failed++;
    errno = fault->error;
    return true;
}

static size_t bytes_of(const struct msghdr *h, bool *ret_cut)
{
    struct msghdr *in = (struct msghdr *)(uintptr_t)h;
    size_t size = h->msg_iov[0].iov_len;
    *ret_cut = false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(in); c; c = CMSG_NXTHDR(in, c))
        if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_SEGMENT) {
            uint16_t segment;
            memcpy(&segment, CMSG_DATA(c), sizeof segment);
            size = segment;
            *ret_cut = true;
        }
    return size;
}

/* In place of the system's. */
ssize_t sendmsg(int fd, const struct msghdr *h, int flags)
{
    static ssize_t (*real)(int, const struct msghdr *, int);
    bool cut;
    const size_t size = bytes_of(h, &cut);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "sendmsg");
    const bool this = fault && (fault->kind == ALWAYS || (fault->kind == CUT && cut) ||
                                (fault->kind == LARGE && size > 1300));
    return this && fails() ? -1 : real(fd, h, flags);
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    static int (*real)(int, struct mmsghdr *, unsigned, int, struct timespec *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "recvmmsg");
    if (fault && fault->kind == RECEIVING && net.open && fails()) return -1;
    return real(fd, messages, count, flags, timeout);
}

static void ask_for_much(void)
{
    net.asked_count = 0;
    for (unsigned n = 0; n < 6; n++)
        quic_net_ask(&net, 300000, n % 2 * 200000);
    if (!quic_net_run(&net, quic_net_all_closed, 120 * TC_S))
        fail_msg("%s: a request is not over", fault->name);
    for (unsigned n = 0; n < net.asked_count; n++)
        if (net.asked[n].err || net.asked[n].got != 300000)
            fail_msg("%s: %s", fault->name, tc_err_name(net.asked[n].err));
}

static void what_is_under_way_goes_on(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        quic_net_init(&net, &toy_streams_type);
        net.keep_tls = i + 1 < sizeof faults / sizeof *faults;
        net.sockets = true;
        net.limits.handshake_ms = net.limits.send_ms = net.limits.idle_ms = 120000;
        fault = &faults[i];
        failed = 0;
        quic_net_begin(&net);
        (void)quic_net_run(&net, quic_net_is_open, 120 * TC_S);
        if (!net.open) fail_msg("%s: no handshake (%s)", fault->name, tc_err_name(net.why));
        for (int round = 0; round < 20 && (round == 0 || !failed); round++)
            ask_for_much();
        if (!failed) fail_msg("%s did not happen", fault->name);
        fault = NULL;
        quic_net_fini(&net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_under_way_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
