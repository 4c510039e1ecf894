/* relay.c - a path that loses packets, for bench/hol: two network namespaces whose only way to each
 * other is this program, which forwards IP packets with a delay, at a rate, and loses some by a
 * seed. TCP and QUIC meet the very same loss, packet by packet; no netem is needed.
 *
 *     relay SEED LOSS_PARTS DELAY_US BITS_PER_SECOND QUEUE_BYTES LOG
 *
 * Says "PID CLIENT_FD SERVER_FD" when ready: the namespaces are /proc/PID/fd/..., 10.77.0.1 and
 * 10.77.0.2. Ends when its input does, and says what became of the packets. Namespaces and devices
 * have no name and go with it, however it ends. Needs root and /dev/net/tun. */
// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "loss.h"

enum { MTU = 1500, PACKETS = 8192 /* on their way in a direction, at most */ };

typedef struct packet {
    int64_t due; /* monotonic ns: when its last bit arrives */
    bool lost;
    uint16_t len;
    uint8_t bytes[MTU];
} packet;

/* One direction: a queue of bounded length before a line of a rate, then a delay. */
typedef struct path {
    const char *name;
    bool to_client;
    int from, to;
    uint64_t seed, came, lost, full, passed, bytes;
    int64_t line_free; /* when the line has sent all that was queued */
    size_t first, count;
    packet *ring;
} path;

static struct {
    uint32_t loss_parts;
    int64_t delay_ns;
    uint64_t bits, queue_bytes;
    FILE *log;
} with;

static void die(const char *what)
{
    fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* --- two namespaces ------------------------------------------------------------------------ */

static void set(int s, unsigned long what, struct ifreq *r)
{
    if (ioctl(s, what, r)) die("setting up the device");
}

static void set_address(int s, unsigned long what, struct ifreq *r, const char *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    inet_pton(AF_INET, address, &in.sin_addr);
    memcpy(&r->ifr_addr, &in, sizeof in);
    set(s, what, r);
}

/* This process goes into a new namespace, which lives as long as the descriptor returned. */
static int namespace_new(const char *address, int *ret_device)
{
    struct ifreq r = {.ifr_name = "hol"};
    if (unshare(CLONE_NEWNET)) die("a namespace (root is needed)");
    const int device = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    const int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    const int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (device < 0 || home < 0 || s < 0) die("/dev/net/tun");
    /* No IFF_VNET_HDR: the kernel cuts what it would hand to a card whole, TCP's and UDP's. */
    r.ifr_flags = IFF_TUN | IFF_NO_PI;
    set(device, TUNSETIFF, &r);
    set_address(s, SIOCSIFADDR, &r, address);
    set_address(s, SIOCSIFNETMASK, &r, "255.255.255.0");
    r.ifr_mtu = MTU;
    set(s, SIOCSIFMTU, &r);
    r.ifr_flags = IFF_UP | IFF_RUNNING;
    set(s, SIOCSIFFLAGS, &r);
    close(s);
    *ret_device = device;
    return home;
}

/* --- one direction ------------------------------------------------------------------------- */

static unsigned word16(const uint8_t *at)
{
    return at[0] * 256u + at[1];
}

/* When, which way, its fate (+ passed, - lost, q: the queue was full), bytes; the client's port,
 * and of TCP where its content stands in the stream and how much that is. */
static void note(const path *p, int64_t when, char fate, const packet *at)
{
    const size_t ip = (at->bytes[0] & 15u) * 4;
    const uint8_t *t = at->bytes + ip;
    const unsigned port = ip + 4 <= at->len ? word16(p->to_client ? t + 2 : t) : 0;
    unsigned seq = 0, content = 0;
    if (at->bytes[9] == IPPROTO_TCP && ip + 20 <= at->len) {
        const size_t head = ip + (t[12] >> 4) * 4u;
        seq = word16(t + 4) << 16 | word16(t + 6);
        content = head < at->len ? (unsigned)(at->len - head) : 0;
    }
    fprintf(with.log, "%lld %s %c %u %u %u %u\n", (long long)when, p->name, fate, at->len, port,
            seq, content);
}

static int64_t line_ns(size_t bytes)
{
    return (int64_t)(bytes * 8 * 1000000000 / with.bits);
}

static void take(path *p, int64_t now)
{
    for (;;) {
        packet spare, *at = p->count < PACKETS ? &p->ring[(p->first + p->count) % PACKETS] : &spare;
        const ssize_t n = read(p->from, at->bytes, sizeof at->bytes);
        if (n < 0) return;
        if (n < 20 || at->bytes[0] >> 4 != 4) continue; /* neighbours of IPv6 */
        at->len = (uint16_t)n;
        at->lost = loss_takes(p->seed, p->came++, with.loss_parts);
        if (p->line_free < now) p->line_free = now;
        const uint64_t waits = (uint64_t)(p->line_free - now) * with.bits / 8 / 1000000000;
        if (at == &spare || waits + at->len > with.queue_bytes) {
            p->full++;
            note(p, now, 'q', at);
            continue;
        }
        p->line_free += line_ns(at->len);
        at->due = p->line_free + with.delay_ns;
        p->count++;
    }
}

/* Those whose time has come; returns when the next one's does, or INT64_MAX. */
static int64_t give(path *p, int64_t now)
{
    for (; p->count; p->first = (p->first + 1) % PACKETS, p->count--) {
        const packet *at = &p->ring[p->first];
        if (at->due > now) return at->due;
        note(p, at->due, at->lost ? '-' : '+', at);
        if (at->lost) {
            p->lost++;
        } else if (write(p->to, at->bytes, at->len) == at->len) {
            p->passed++;
            p->bytes += at->len;
        } else {
            die("handing on a packet");
        }
    }
    return INT64_MAX;
}

static void forward(path *down, path *up)
{
    for (;;) {
        const int64_t now = now_ns(), a = give(down, now), b = give(up, now);
        const int64_t next = a < b ? a : b, wait = next == INT64_MAX ? 1000000000 : next - now;
        struct timespec t = {wait / 1000000000, wait % 1000000000};
        struct pollfd ready[] = {{0, POLLIN, 0}, {down->from, POLLIN, 0}, {up->from, POLLIN, 0}};
        if (ppoll(ready, 3, &t, NULL) < 0 && errno != EINTR) die("ppoll");
        if (ready[0].revents) return; /* nothing is ever said to it: this is the end */
        take(down, now_ns());
        take(up, now_ns());
    }
}

static void say(const path *p, const char *then)
{
    printf("\"%s\": {\"came\": %llu, \"passed\": %llu, \"lost\": %llu, \"queue_full\": %llu, "
           "\"under_way\": %zu, \"bytes\": %llu}%s",
           p->name, (unsigned long long)p->came, (unsigned long long)p->passed,
           (unsigned long long)p->lost, (unsigned long long)p->full, p->count,
           (unsigned long long)p->bytes, then);
}

int main(int argc, char **argv)
{
    path down = {.name = "down", .to_client = true}, up = {.name = "up"};
    if (argc != 7) {
        fprintf(stderr, "relay SEED LOSS_PARTS DELAY_US BITS_PER_SECOND QUEUE_BYTES LOG\n");
        return 2;
    }
    const uint64_t seed = strtoull(argv[1], NULL, 10);
    with.loss_parts = (uint32_t)strtoul(argv[2], NULL, 10);
    with.delay_ns = strtoll(argv[3], NULL, 10) * 1000;
    with.bits = strtoull(argv[4], NULL, 10);
    with.queue_bytes = strtoull(argv[5], NULL, 10);
    with.log = fopen(argv[6], "we");
    if (!with.log) die(argv[6]);
    if (!with.bits) with.bits = 1;
    prctl(PR_SET_PDEATHSIG, 9);
    const int client = namespace_new("10.77.0.1", &up.from);
    const int server = namespace_new("10.77.0.2", &down.from);
    up.to = down.from;
    down.to = up.from;
    down.seed = loss_seed(seed, 0);
    up.seed = loss_seed(seed, 1);
    down.ring = calloc(PACKETS, sizeof *down.ring);
    up.ring = calloc(PACKETS, sizeof *up.ring);
    if (!down.ring || !up.ring) die("memory");
    /* A path that waits for its turn of the processor would not be the one that was asked for. */
    (void)sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
    printf("%d %d %d\n", (int)getpid(), client, server);
    fflush(stdout);
    forward(&down, &up);
    printf("{");
    say(&down, ", ");
    say(&up, "}\n");
    return fclose(with.log) || fflush(stdout) ? 1 : 0;
}
