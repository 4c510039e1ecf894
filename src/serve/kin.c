/* kin.c - see kin.h. */
// SPDX-License-Identifier: MIT
#include "serve/kin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "net/channel.h"

enum { WAIT_MS = 10000, ROOM = TC_CHANNEL_BYTES };

struct tc_kin {
    unsigned number;
    int channel, words, passed; /* words: where the master's go */
    int texts;                  /* 0: none */
    uint8_t secret[TC_GENERATION_SECRET];
    tc_listeners *to; /* while the state is read */
    tc_server *server;
    tc_admin_place *admin; /* while it serves */
    tc_log *log;
    tc_ledger *ledger; /* NULL: none */
    int ledger_fd, slot;
    int kept[TC_GENERATION_KEPT];
    size_t kept_count;
    int signals, over;
    unsigned ends; /* how often it was told to end by a signal */
    bool alone;    /* the master is gone */
    int pulse_ms;  /* how often the master wants to hear that all is well; 0: it does not */
    int64_t pulse_at;
    char room[ROOM];
};

static FILE *open_state(void)
{
    const char *text = getenv(TC_GENERATION_STATE);
    if (!text) return NULL;
    const int fd = atoi(text);
    unsetenv(TC_GENERATION_STATE);
    return fd > 2 && lseek(fd, 0, SEEK_SET) == 0 ? fdopen(fd, "r") : NULL;
}

/* What is inherited is not for programs that this one may begin. */
static int own(int fd)
{
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* of a bad one, whoever uses it will say so */
    return fd;
}

/* One line; sockets and kin are put into the server once there is one. */
static void read_line(tc_kin *k, const char *line)
{
    char secret[2 * TC_GENERATION_SECRET + 1];
    int a, b;
    if (k->server) {
        if ((a = tc_listeners_read(tc_server_listeners(k->server), line)) >= 0) own(a);
        if (sscanf(line, "kin %d %d", &a, &b) == 2)
            tc_server_pass_to(k->server, (uint8_t)a, own(b));
        return;
    }
    if (sscanf(line, "pulse %d", &a) == 1 && a > 0) k->pulse_ms = a;
    if (sscanf(line, "number %d", &a) == 1) k->number = (unsigned)a;
    if (sscanf(line, "channel %d", &a) == 1) k->channel = own(a);
    if (sscanf(line, "words %d", &a) == 1) k->words = own(a);
    if (sscanf(line, "texts %d", &a) == 1) k->texts = own(a);
    if (sscanf(line, "passed %d", &a) == 1) k->passed = own(a);
    if (sscanf(line, "ledger %d %d", &a, &b) == 2) k->ledger_fd = own(a), k->slot = b;
    if (sscanf(line, "kept %d", &a) == 1 && k->kept_count < TC_GENERATION_KEPT)
        k->kept[k->kept_count++] = own(a);
    if (sscanf(line, "secret %128[0-9a-f]", secret) == 1)
        (void)tc_hex_read(k->secret, secret, sizeof k->secret);
}

static FILE *state;

static bool read_state(tc_kin *k)
{
    char line[256];
    int version = 0;
    rewind(state);
    if (!fgets(line, sizeof line, state) || sscanf(line, "tercet %d", &version) != 1 ||
        version != TC_GENERATION_VERSION)
        return false;
    while (fgets(line, sizeof line, state))
        read_line(k, line);
    return true;
}

tc_kin *tc_kin_begin(void)
{
    state = open_state();
    if (!state) return NULL;
    tc_kin *k = tc_alloc_zero(sizeof *k);
    if (!k || !read_state(k) || k->channel <= 2) {
        fprintf(stderr, "tercet: the server that runs is a build of this program that this one "
                        "does not understand; it has to be ended and begun anew\n");
        exit(tc_err_exit(TC_ERR_NOT_SUPPORTED));
    }
    if (k->ledger_fd && tc_ledger_open(k->ledger_fd, &k->ledger) != TC_OK)
        close(k->ledger_fd); /* of another build: it counts alone */
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    k->signals =
        signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK); /* before such calls are shut off */
    /* From a terminal these go to all: what they mean, the master says. */
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    return k;
}

void tc_kin_free(tc_kin *k)
{
    if (k) tc_ledger_free(k->ledger);
    tc_free(k);
}

uint8_t tc_kin_number(const tc_kin *k)
{
    return (uint8_t)k->number;
}

int tc_kin_passed(const tc_kin *k)
{
    return k->passed;
}

const uint8_t *tc_kin_secret(const tc_kin *k)
{
    return k->secret;
}

const int *tc_kin_kept(const tc_kin *k, size_t *ret_count)
{
    *ret_count = k->kept_count;
    return k->kept;
}

int tc_kin_texts(const tc_kin *k)
{
    return k->texts;
}

tc_ledger *tc_kin_ledger(const tc_kin *k, int *ret_slot)
{
    *ret_slot = k->slot;
    return k->ledger;
}

void tc_kin_hand_in(tc_kin *k, tc_server *server)
{
    k->server = server;
    tc_server_listeners(server)->shares = true;
    (void)read_state(k); /* it was good before */
    tc_listeners_settle(tc_server_listeners(server));
    fclose(state);
    state = NULL;
}

/* --- to the master ------------------------------------------------------------------------- */

static bool say(tc_kin *k, tc_message_head head, const char *text, const int fds[], size_t count)
{
    char message[sizeof head + 4096];
    const size_t len = text ? strnlen(text, 4096) : 0;
    memcpy(message, &head, sizeof head);
    if (len) memcpy(message + sizeof head, text, len);
    return tc_channel_send(k->channel, message, sizeof head + len, fds, count, WAIT_MS) == TC_OK;
}

static bool say_sockets(tc_kin *k, const tc_listening *g, const int fds[], unsigned from,
                        unsigned count)
{
    const tc_message_head head = {.kind = TC_SAYS_LISTENING,
                                  .at = g->at,
                                  .both = g->both,
                                  .any_port = g->any_port,
                                  .udp = g->udp_used};
    bool good = true;
    do {
        const unsigned n = count - from < TC_CHANNEL_FDS ? count - from : TC_CHANNEL_FDS;
        good = say(k, head, NULL, fds ? fds + from : NULL, n);
        from += n;
    } while (good && from < count);
    return good;
}

bool tc_kin_tell(tc_kin *k, tc_server *server)
{
    const tc_listeners *l = tc_server_listeners(server);
    bool good = true;
    for (size_t i = 0; i < l->count && good; i++) {
        const tc_listening *g = &l->at[i];
        if (!g->used) continue;
        good = say_sockets(k, g, g->tcp, g->tcp_given, g->tcp_count);
        if (good && g->udp_count > g->udp_given)
            good = say_sockets(k, g, g->udp, g->udp_given, g->udp_count);
    }
    return good;
}

bool tc_kin_tell_kept(tc_kin *k, const int fds[], size_t count)
{
    return say(k, (tc_message_head){.kind = TC_SAYS_KEEP}, NULL, fds, count);
}

bool tc_kin_tell_texts(tc_kin *k, int fd)
{
    return say(k, (tc_message_head){.kind = TC_SAYS_TEXTS}, NULL, &fd, 1);
}

bool tc_kin_tell_log(tc_kin *k, const tc_log *log)
{
    return !log->path[0] || say(k, (tc_message_head){.kind = TC_SAYS_LOG}, log->path, NULL, 0);
}

bool tc_kin_ready(tc_kin *k, const tc_limits *limits)
{
    struct {
        tc_message_head head;
        tc_generation_bounds bounds;
    } ready = {{.kind = TC_SAYS_READY}, {limits->generations, limits->generation_drain_ms}};
    if (tc_channel_send(k->channel, &ready, sizeof ready, NULL, 0, WAIT_MS) != TC_OK) return false;
    fflush(stderr);
    if (k->words) (void)dup2(k->words, STDERR_FILENO); /* cannot fail: both are open */
    return true;
}

/* --- serving ------------------------------------------------------------------------------- */

static void drain(tc_kin *k)
{
    tc_admin_draining(k->admin);
    tc_server_drain(k->server);
}

static void hand_over(tc_kin *k, const tc_server_taken taken[], size_t count)
{
    tc_admin_draining(k->admin);
    if (k->admin->server) tc_server_hand_over(k->admin->server, taken, count);
    tc_server_hand_over(k->server, taken, count);
}

static void hear(tc_kin *k, const tc_message_head *head, size_t len, const int fds[], size_t count)
{
    size_t used = 0;
    switch (head->kind) {
    case TC_SAYS_NEXT:
        if (count) tc_server_pass_to(k->server, (uint8_t)head->number, fds[used++]);
        break;
    case TC_SAYS_HAND_OVER:
        hand_over(k, (const tc_server_taken *)(const void *)(head + 1),
                  len / sizeof(tc_server_taken));
        break;
    case TC_SAYS_TAKE_BACK: tc_server_take_back(k->server); break;
    case TC_SAYS_QUIT: drain(k); break;
    case TC_SAYS_REOPEN:
        if (count) tc_log_replace(k->log, fds[used++]);
        break;
    default: break; /* of a newer build */
    }
    while (used < count)
        close(fds[used++]);
}

static void hear_all(tc_kin *k)
{
    int fds[TC_CHANNEL_FDS];
    size_t len, count;
    tc_err err;
    while (!(err = tc_channel_receive(k->channel, k->room, sizeof k->room, &len, fds, &count)))
        if (len >= sizeof(tc_message_head))
            hear(k, (const tc_message_head *)(void *)k->room, len - sizeof(tc_message_head), fds,
                 count);
    if (err != TC_ERR_PEER_CLOSED) return;
    k->alone = true;
    fprintf(stderr, "tercet: the master of generation %u is gone: finishing what is under way\n",
            k->number);
    drain(k);
}

/* The first one is as the master's: it may have come to both. */
static void hear_signal(tc_kin *k)
{
    struct signalfd_siginfo info;
    if (read(k->signals, &info, sizeof info) != sizeof info) return;
    if (k->ends++) _exit(128 + SIGTERM);
    drain(k);
}

/* How long nothing needs to be said, in ms; -1: for ever. */
static int say_that_all_is_well(tc_kin *k)
{
    if (!k->pulse_ms || k->alone) return -1;
    const int64_t now = tc_clock_now();
    if (now >= k->pulse_at) {
        k->pulse_at = now + k->pulse_ms * TC_MS;
        if (tc_server_pulse(k->server))
            (void)say(k, (tc_message_head){.kind = TC_SAYS_ALIVE}, NULL, NULL, 0);
    }
    return (int)((k->pulse_at - now + TC_MS - 1) / TC_MS);
}

static void *wait_for_workers(void *self)
{
    tc_kin *k = self;
    const uint64_t one = 1;
    tc_server_wait(k->server);
    while (write(k->over, &one, sizeof one) < 0 && errno == EINTR)
        ; /* an event: there is always room */
    return NULL;
}

void tc_kin_serve(tc_kin *k, tc_log *log, tc_admin_place *admin)
{
    k->admin = admin;
    k->log = log;
    pthread_t waiter;
    k->over = eventfd(0, EFD_CLOEXEC);
    const int error =
        k->signals < 0 || k->over < 0 ? errno : pthread_create(&waiter, NULL, wait_for_workers, k);
    if (error) {
        fprintf(stderr, "tercet: no thread to wait in: %s\n", strerror(error));
        tc_server_drain(k->server);
        tc_server_wait(k->server);
        return;
    }
    struct pollfd p[] = {{.fd = k->over, .events = POLLIN},
                         {.fd = k->signals, .events = POLLIN},
                         {.fd = k->channel, .events = POLLIN}};
    while (!p[0].revents) {
        if (poll(p, k->alone ? 2 : 3, say_that_all_is_well(k)) < 0) continue; /* EINTR */
        if (p[1].revents) hear_signal(k);
        if (p[2].revents && !k->alone) hear_all(k);
    }
    pthread_join(waiter, NULL);
    close(k->signals);
    close(k->over);
}
