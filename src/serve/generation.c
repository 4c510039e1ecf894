/* generation.c - how a master begins a generation, and what it hands on to it. */
// SPDX-License-Identifier: MIT
#include "serve/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "net/channel.h"
#include "net/pass.h"
#include "serve/master_inside.h"

enum { SECRET_HOURS = 12, INHERITED = 65536, SEND_MS = 1000 };

extern char **environ;

generation *tc_generation_in(master *m, enum phase phase)
{
    generation *found = NULL;
    for (int i = 0; i < GENERATIONS; i++) {
        generation *g = &m->at[i];
        if (g->pid && g->phase == phase && (!found || g->began > found->began)) found = g;
    }
    return found;
}

bool tc_generation_send(generation *g, const tc_message_head *head, const void *more, size_t len,
                        const int fds[], size_t count)
{
    char message[TC_CHANNEL_BYTES];
    memcpy(message, head, sizeof *head);
    if (len > sizeof message - sizeof *head) len = sizeof message - sizeof *head;
    if (len) memcpy(message + sizeof *head, more, len);
    return tc_channel_send(g->channel, message, sizeof *head + len, fds, count, SEND_MS) == TC_OK;
}

static void shut(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

void tc_generation_forget(master *m, generation *g)
{
    const generation *serves = tc_generation_in(m, SERVING);
    if (m->ledger) tc_ledger_end(m->ledger, g->slot, serves ? serves->slot : -1);
    shut(&g->channel);
    shut(&g->pass);
    shut(&g->words);
    tc_free(g->said);
    *g = (generation){.channel = -1, .pass = -1, .words = -1, .slot = -1};
}

/* --- what is inherited --------------------------------------------------------------------- */

typedef struct inherited {
    FILE *to;
    int *fds;
    size_t room, count;
} inherited;

static int name(inherited *i, int fd)
{
    if (i->count < i->room) i->fds[i->count++] = fd;
    return fd;
}

static void name_all(inherited *i, const int fds[], unsigned count)
{
    for (unsigned j = 0; j < count; j++)
        (void)name(i, fds[j]);
}

int tc_generation_state(master *m, const generation *g, int words, int passed, int fds[],
                        size_t room, size_t *ret_count)
{
    const int fd = memfd_create("tercet", MFD_CLOEXEC);
    const int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    inherited i = {.to = copy < 0 ? NULL : fdopen(copy, "w"), .fds = fds, .room = room};
    if (!i.to) {
        if (copy >= 0) close(copy);
        if (fd >= 0) close(fd);
        return -1;
    }
    name(&i, fd);
    fprintf(i.to, "tercet %d\nnumber %u\n", TC_GENERATION_VERSION, g->number);
    if (m->notify.watchdog_ns) /* two may be late before anybody minds */
        fprintf(i.to, "pulse %lld\n", (long long)(m->notify.watchdog_ns / 4 / TC_MS));
    fprintf(i.to, "words %d\npassed %d\n", name(&i, words), name(&i, passed));
    if (g->slot >= 0) fprintf(i.to, "ledger %d %d\n", name(&i, tc_ledger_fd(m->ledger)), g->slot);
    tc_listeners_write(&m->listeners, i.to);
    for (size_t k = 0; k < m->listeners.count; k++) {
        const tc_listening *l = &m->listeners.at[k];
        name_all(&i, l->tcp, l->tcp_count);
        name_all(&i, l->udp, l->udp_count);
    }
    for (int k = 0; k < GENERATIONS; k++)
        if (m->at[k].pid && &m->at[k] != g)
            fprintf(i.to, "kin %u %d\n", m->at[k].number, name(&i, m->at[k].pass));
    for (size_t k = 0; k < m->kept_count; k++)
        fprintf(i.to, "kept %d\n", name(&i, m->kept[k]));
    if (m->same && m->texts >= 0) fprintf(i.to, "texts %d\n", name(&i, m->texts));
    fprintf(i.to, "secret ");
    for (size_t k = 0; k < sizeof m->secret; k++)
        fprintf(i.to, "%02x", m->secret[k]);
    fprintf(i.to, "\n");
    fprintf(i.to, "channel %d\n", name(&i, g->channel));
    *ret_count = i.count;
    const bool whole = !ferror(i.to); /* fclose speaks of its own write alone */
    if (fclose(i.to) == 0 && whole) return fd;
    close(fd);
    return -1;
}

/* --- beginning one ------------------------------------------------------------------------- */

static void renew_secret(master *m)
{
    const int64_t now = tc_clock_now();
    if (m->secret_made && now - m->secret_made < SECRET_HOURS * 3600 * TC_S) return;
    m->secret_made = now;
    tc_random_bytes(m->secret, sizeof m->secret);
}

static unsigned new_number(master *m)
{
    for (bool taken = true; taken;) {
        m->last_number = m->last_number % (TC_GENERATIONS - 1) + 1;
        taken = false;
        for (int i = 0; i < GENERATIONS; i++)
            taken |= m->at[i].pid && m->at[i].number == m->last_number;
    }
    return m->last_number;
}

void tc_generation_ledger(master *m)
{
    if (!m->ledger && tc_ledger_new(&m->ledger) != TC_OK)
        fprintf(stderr, "tercet: each generation counts for itself: %s\n", strerror(errno));
}

void tc_generation_bounded(master *m, tc_generation_bounds bounds)
{
    m->bounds = bounds;
    if (m->bounds.most > GENERATIONS) m->bounds.most = GENERATIONS;
    if (m->bounds.most < 2) m->bounds.most = 2;
}

static unsigned count_living(const master *m)
{
    unsigned count = 0;
    for (int i = 0; i < GENERATIONS; i++)
        count += m->at[i].pid != 0;
    return count;
}

bool tc_generation_full(const master *m)
{
    return count_living(m) >= m->bounds.most;
}

/* Whichever drains for the longest time makes room, if that was time enough. */
static void make_room(master *m)
{
    generation *oldest = NULL;
    for (int i = 0; i < GENERATIONS; i++) {
        generation *g = &m->at[i];
        if (!g->pid || g->phase != DRAINING) continue;
        if (g->killed) return; /* it does */
        if (!oldest || g->drains < oldest->drains) oldest = g;
    }
    const int64_t drains_ms = oldest ? (tc_clock_now() - oldest->drains) / TC_MS : 0;
    if (!oldest || (uint64_t)drains_ms < m->bounds.drain_ms) return;
    fprintf(stderr, "tercet: %u generations (generations): the oldest, %u, ends at once\n",
            count_living(m), oldest->number);
    oldest->killed = true;
    if (m->ledger) tc_ledger_notes_of(m->ledger)->made_room++;
    kill(oldest->pid, SIGKILL);
}

static generation *find_room(master *m)
{
    if (tc_generation_full(m)) {
        make_room(m);
        return NULL;
    }
    for (int i = 0; i < GENERATIONS; i++)
        if (!m->at[i].pid) return &m->at[i];
    return NULL;
}

/* In the new process: as its parent was begun, but for what is inherited. */
static void become(master *m, const int fds[], size_t count, int words)
{
    char variable[64];
    sigset_t none;
    for (size_t i = 0; i < count; i++)
        (void)fcntl(fds[i], F_SETFD, 0);
    (void)snprintf(variable, sizeof variable, "%d", fds[0]);
    tc_notify_forget();
    if (setenv(TC_GENERATION_STATE, variable, 1) || dup2(words, STDERR_FILENO) < 0) {
        fprintf(stderr, "tercet: no generation can begin: %s\n", strerror(errno));
        _exit(1);
    }
    sigemptyset(&none);
    sigaddset(&none, SIGTERM); /* until it can hear it */
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(m->program, m->settings->argv, environ);
    fprintf(stderr, "tercet: %s: %s\n", m->program, strerror(errno));
    _exit(126);
}

static bool start(master *m, generation *g, int ends[6])
{
    int *fds = tc_alloc(INHERITED * sizeof *fds);
    size_t count = 0;
    g->channel = ends[1];
    const int words = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    const int file =
        fds && words >= 0 ? tc_generation_state(m, g, words, ends[2], fds, INHERITED, &count) : -1;
    g->channel = ends[0];
    fflush(stderr);
    const pid_t pid = file < 0 ? -1 : fork();
    if (pid == 0) become(m, fds, count, ends[5]);
    g->pid = pid > 0 ? pid : 0;
    if (words >= 0) close(words);
    if (file >= 0) close(file);
    tc_free(fds);
    return pid > 0;
}

bool tc_generation_spawn(master *m)
{
    int ends[6] = {-1, -1, -1, -1, -1, -1}; /* of the channel, of packets, of words */
    generation *g = find_room(m), *now = tc_generation_in(m, SERVING);
    if (!g) return false;
    renew_secret(m);
    tc_listeners_settle(&m->listeners);
    *g = (generation){.number = new_number(m),
                      .began = tc_clock_now(),
                      .slot = m->ledger ? tc_ledger_take(m->ledger) : -1};
    bool good = tc_channel_pair(ends) == TC_OK && tc_pass_pair(ends + 2) == TC_OK &&
                pipe2(ends + 4, O_CLOEXEC) == 0 && fcntl(ends[4], F_SETFL, O_NONBLOCK) == 0 &&
                (g->said = tc_alloc(WORDS));
    g->pass = ends[3];
    g->words = ends[4];
    good = good && start(m, g, ends);
    const int why = errno;
    shut(&ends[1]);
    shut(&ends[2]);
    shut(&ends[5]);
    if (good) {
        const tc_message_head next = {.kind = TC_SAYS_NEXT, .number = g->number};
        if (now) tc_generation_send(now, &next, NULL, 0, &g->pass, 1);
        return true;
    }
    g->channel = ends[0];
    tc_generation_forget(m, g);
    fprintf(stderr, "tercet: no generation can begin: %s\n", strerror(why));
    return false;
}
