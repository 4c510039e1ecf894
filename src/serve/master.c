/* master.c - see master.h. One loop: signals, what generations and askers say. A reload is a new
 * generation; whichever asks meanwhile gets the one after it, however many they are. */
// SPDX-License-Identifier: MIT
#include "serve/master.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/texts.h"
#include "net/channel.h"
#include "serve/master_inside.h"

enum {
    BEGIN_S = 60,        /* a generation may take to serve */
    AGAIN_MS = 250,      /* until one more may begin */
    REST_MS = 10,        /* where there is no descriptor for who asks */
    CALM_S = 60,         /* who lived for so long has not begun badly */
    RESTART_MOST_S = 10, /* between two beginnings of what ends again and again */
};

#define DEFAULT_BOUNDS                                                                             \
    (tc_generation_bounds)                                                                         \
    {                                                                                              \
        tc_limits_default.generations, tc_limits_default.generation_drain_ms                       \
    }

/* --- who asked ----------------------------------------------------------------------------- */

static void answer_all(int askers[], size_t *count, int code, const char *text, size_t len)
{
    char message[WORDS + 1];
    message[0] = (char)code;
    memcpy(message + 1, text, len < WORDS ? len : WORDS);
    for (size_t i = 0; i < *count; i++) {
        const tc_err err = tc_channel_send(askers[i], message, 1 + len, NULL, 0, 0);
        (void)err; /* it did not wait */
        close(askers[i]);
    }
    *count = 0;
}

/* same: in place of one that crashed. */
static void begin(master *m, bool same)
{
    if (m->quits) return;
    if (tc_generation_in(m, BEGINNING)) {
        m->again = true;
        return;
    }
    m->again = false;
    m->same = same;
    m->restart_at = 0;
    memcpy(m->askers, m->waiting, m->waiting_count * sizeof *m->waiting);
    m->asker_count = m->waiting_count;
    m->waiting_count = 0;
    if (tc_generation_spawn(m)) {
        if (tc_generation_in(m, SERVING)) tc_notify_reloading(&m->notify);
        return;
    }
    if (tc_generation_full(m)) { /* in a moment */
        memcpy(m->waiting, m->askers, m->asker_count * sizeof *m->askers);
        m->waiting_count = m->asker_count;
        m->asker_count = 0;
        m->restart_at = tc_clock_now() + AGAIN_MS * TC_MS;
        return;
    }
    static const char why[] = "tercet: no generation can begin\n";
    tc_master_note_reload(m, false);
    answer_all(m->askers, &m->asker_count, 1, why, sizeof why - 1);
}

static void reload(master *m)
{
    begin(m, false);
}

/* Whoever has said nothing for the longest makes room. */
static void meet_askers(master *m)
{
    int fd;
    tc_err err;
    while ((err = tc_channel_accept(m->control, &fd)) == TC_OK) {
        if (m->silent_count == ASKERS) {
            close(m->silent[0]);
            memmove(m->silent, m->silent + 1, --m->silent_count * sizeof *m->silent);
        }
        m->silent[m->silent_count++] = fd;
    }
    if (err != TC_ERR_NOTHING) (void)poll(NULL, 0, REST_MS); /* it is asked again at once */
}

static void hear_askers(master *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->silent_count; i++) {
        char word[64];
        size_t len = 0;
        const int fd = m->silent[i];
        const tc_err err = tc_channel_receive(fd, word, sizeof word, &len, NULL, NULL);
        if (err == TC_ERR_NOTHING) {
            m->silent[kept++] = fd;
        } else if (err || len != 6 || memcmp(word, "reload", 6) != 0 || m->quits ||
                   m->waiting_count == ASKERS) {
            close(fd);
        } else {
            m->waiting[m->waiting_count++] = fd;
            reload(m);
        }
    }
    m->silent_count = kept;
}

/* --- a generation begins ------------------------------------------------------------------- */

/* Its words until it serves, to whoever looks and whoever asked. */
static void hear_words(generation *g)
{
    char text[4096];
    ssize_t n;
    while (g->words >= 0 && (n = read(g->words, text, sizeof text)) != 0) {
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return;
        (void)!write(STDERR_FILENO, text, (size_t)n); /* nobody looks */
        const size_t room = WORDS - g->said_len;
        const size_t kept = (size_t)n < room ? (size_t)n : room;
        memcpy(g->said + g->said_len, text, kept);
        g->said_len += kept;
    }
    if (g->words >= 0) close(g->words);
    g->words = -1;
}

static void take_sockets(master *m, const tc_message_head *head, const int fds[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (tc_listeners_offer(&m->listeners, fds[i], head->any_port) != TC_OK) close(fds[i]);
    (void)tc_listeners_use(&m->listeners, &head->at, head->both, head->udp);
}

static void replace(int *fd, int by)
{
    if (*fd >= 0) close(*fd);
    *fd = by;
}

/* What could be changed later by whoever has it is not to be read by a root. */
static void take_texts(master *m, const int fds[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (tc_texts_sealed(fds[i]))
            replace(&m->new_texts, fds[i]);
        else
            close(fds[i]);
    }
}

static void drop_kept(int kept[], size_t *count)
{
    while (*count)
        close(kept[--*count]);
}

static void take_kept(master *m, const int fds[], size_t count)
{
    drop_kept(m->new_kept, &m->new_kept_count);
    for (size_t i = 0; i < count; i++) {
        if (m->new_kept_count < TC_GENERATION_KEPT)
            m->new_kept[m->new_kept_count++] = fds[i];
        else
            close(fds[i]);
    }
}

/* What ends a generation sooner or later: a signal does so, too, if it cannot be said. */
static void tell_to_end(generation *g, const tc_message_head *head, const void *more, size_t len)
{
    if (!tc_generation_send(g, head, more, len, NULL, 0)) kill(g->pid, SIGTERM);
}

/* Those before it let go of what it has. */
static void hand_over(master *m, const generation *to)
{
    tc_server_taken taken[TC_LISTENERS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < m->listeners.count; i++)
        if (m->listeners.at[i].used)
            taken[count++] = (tc_server_taken){m->listeners.at[i].at, m->listeners.at[i].both,
                                               m->listeners.at[i].udp_used};
    const tc_message_head head = {.kind = TC_SAYS_HAND_OVER, .number = to->number};
    for (int i = 0; i < GENERATIONS; i++) {
        generation *g = &m->at[i];
        if (!g->pid || g->phase != SERVING) continue;
        tell_to_end(g, &head, taken, count * sizeof *taken);
        g->phase = DRAINING;
        g->drains = tc_clock_now();
    }
}

static void say_ready(const master *m, const char *what, unsigned number)
{
    char lines[128];
    (void)snprintf(lines, sizeof lines, "READY=1\nSTATUS=%sgeneration %u serves", what, number);
    tc_notify_say(&m->notify, lines);
}

/* Sockets that were handed in at the beginning, and that no setting asks for. */
static void say_unused(const master *m)
{
    char text[TC_ADDRESS_TEXT];
    for (size_t i = 0; i < m->listeners.count; i++)
        if (!m->listeners.at[i].used)
            fprintf(stderr,
                    "tercet: a socket on %.*s was handed in, and no listen setting asks for it\n",
                    TC_FMT(tc_address_text(&m->listeners.at[i].at, text)));
}

static void quit(master *m);

/* Not before: whoever cannot serve, because another one does, leaves the file of that one alone. */
static void note_pid(master *m)
{
    if (!m->settings->pid_file || m->pid_written || m->quits) return;
    m->pid_written = tc_master_write_pid(m->settings->pid_file);
    if (m->pid_written) return;
    m->exit_code = tc_err_exit(TC_ERR_WRITE_FILE);
    quit(m);
}

static void serves(master *m, generation *g)
{
    char text[128];
    const bool first = !tc_generation_in(m, SERVING);
    const long long took_ms = (long long)((tc_clock_now() - g->began) / TC_MS);
    tc_master_note_reload(m, true);
    hand_over(m, g);
    g->phase = SERVING;
    note_pid(m);
    say_ready(m, "", g->number);
    if (first) say_unused(m);
    tc_listeners_drop_unused(&m->listeners);
    drop_kept(m->kept, &m->kept_count);
    memcpy(m->kept, m->new_kept, sizeof m->kept);
    m->kept_count = m->new_kept_count;
    m->new_kept_count = 0;
    replace(&m->texts, m->new_texts);
    m->new_texts = -1;
    memcpy(m->log, m->new_log, sizeof m->log);
    hear_words(g);
    const int len =
        snprintf(text, sizeof text, "tercet: reloaded: generation %u serves, after %lld ms\n",
                 g->number, took_ms);
    if (!first) fputs(text, stderr);
    const size_t room = WORDS - g->said_len;
    const size_t more = (size_t)len < room ? (size_t)len : room;
    memcpy(g->said + g->said_len, text, more);
    answer_all(m->askers, &m->asker_count, 0, g->said, g->said_len + more);
    if (m->quits) {
        const tc_message_head quit = {.kind = TC_SAYS_QUIT};
        tell_to_end(g, &quit, NULL, 0);
    } else if (m->again) {
        reload(m);
    } else {
        tc_master_upgrade(m);
    }
}

static void hear_one(master *m, generation *g, const char *message, size_t len, const int fds[],
                     size_t count)
{
    const tc_message_head *head = (const tc_message_head *)(const void *)message;
    const size_t more = len - sizeof *head;
    const bool begins = g->phase == BEGINNING;
    if (begins && head->kind == TC_SAYS_LISTENING) {
        take_sockets(m, head, fds, count);
        return;
    }
    if (begins && head->kind == TC_SAYS_KEEP) {
        take_kept(m, fds, count);
        return;
    }
    if (begins && head->kind == TC_SAYS_TEXTS) {
        take_texts(m, fds, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    if (begins && head->kind == TC_SAYS_LOG && more < sizeof m->new_log) {
        memcpy(m->new_log, message + sizeof *head, more);
        m->new_log[more] = 0;
    }
    if (begins && head->kind == TC_SAYS_READY) {
        tc_generation_bounds bounds = DEFAULT_BOUNDS;
        if (more >= sizeof bounds) memcpy(&bounds, head + 1, sizeof bounds);
        tc_generation_bounded(m, bounds);
        serves(m, g);
    }
    if (!begins && head->kind == TC_SAYS_ALIVE && (g->phase == SERVING || m->quits))
        tc_notify_say(&m->notify, "WATCHDOG=1");
}

static void hear_generation(master *m, generation *g)
{
    static _Alignas(16) char message[TC_CHANNEL_BYTES];
    int fds[TC_CHANNEL_FDS];
    size_t len, count;
    while (g->channel >= 0) {
        const tc_err err =
            tc_channel_receive(g->channel, message, sizeof message, &len, fds, &count);
        if (err == TC_ERR_PEER_CLOSED) {
            close(g->channel);
            g->channel = -1;
        }
        if (err) return;
        if (len >= sizeof(tc_message_head)) hear_one(m, g, message, len, fds, count);
    }
}

/* --- a generation ends --------------------------------------------------------------------- */

static void say_how(const generation *g, int status)
{
    if (WIFSIGNALED(status) && !g->killed)
        fprintf(stderr, "tercet: generation %u ended by signal %d (%s)\n", g->number,
                WTERMSIG(status), strsignal(WTERMSIG(status)));
}

/* Nothing has changed. */
static void refused(master *m, generation *g, int status)
{
    const generation *old = tc_generation_in(m, SERVING);
    const int code = WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1;
    tc_master_note_reload(m, false);
    tc_listeners_take_back(&m->listeners);
    drop_kept(m->new_kept, &m->new_kept_count);
    replace(&m->new_texts, -1);
    if (old) {
        fprintf(stderr, "tercet: not reloaded: generation %u serves on\n", old->number);
        say_ready(m, "not reloaded: ", old->number);
    } else if (!m->quits && !tc_generation_in(m, DRAINING) && !m->crashes)
        m->exit_code = code, m->quits = true;
    answer_all(m->askers, &m->asker_count, code, g->said, g->said_len);
}

/* Who serves has ended without being told to: another one begins, ever later if that goes on. */
static void restart(master *m, int64_t lived)
{
    if (lived > CALM_S * TC_S) m->crashes = 0;
    const int64_t wait_s = m->crashes ? 1 << (m->crashes < 4 ? m->crashes - 1 : 4) : 0;
    m->crashes++;
    m->same = true;
    m->restart_at = tc_clock_now() + (wait_s < RESTART_MOST_S ? wait_s : RESTART_MOST_S) * TC_S;
    fprintf(stderr, "tercet: nobody serves: another generation begins %s\n",
            wait_s ? "in a moment" : "now");
}

static void ended(master *m, generation *g, int status)
{
    const enum phase phase = g->phase;
    const int64_t lived = tc_clock_now() - g->began;
    hear_generation(m, g); /* what it said last */
    hear_words(g);
    say_how(g, status);
    if (g->phase == BEGINNING) refused(m, g, status);
    tc_master_note_end(m, g, status);
    tc_generation_forget(m, g);
    if (phase == BEGINNING && m->again && !m->quits) reload(m);
    if (phase == SERVING && m->quits) {
        generation *older = tc_generation_in(m, DRAINING);
        const tc_message_head back = {.kind = TC_SAYS_TAKE_BACK};
        if (older) {
            tc_generation_send(older, &back, NULL, 0, NULL, 0);
            older->phase = SERVING;
        }
    }
    if (!m->quits && !tc_generation_in(m, SERVING) && !tc_generation_in(m, BEGINNING))
        restart(m, lived);
}

static void reap(master *m)
{
    int status;
    pid_t pid;
    while ((pid = (pid_t)TEMP_FAILURE_RETRY(waitpid(-1, &status, WNOHANG))) > 0)
        for (int i = 0; i < GENERATIONS; i++)
            if (m->at[i].pid == pid) ended(m, &m->at[i], status);
}

/* --- signals ------------------------------------------------------------------------------- */

static void quit(master *m)
{
    const tc_message_head head = {.kind = TC_SAYS_QUIT};
    const bool at_once = m->quits;
    m->quits = true;
    tc_notify_say(&m->notify, "STOPPING=1");
    /* Who comes now is refused, and does not wait in a socket at which nobody accepts; who waits
     * there already, the generation accepts. So ours are closed, and first: the last one to close
     * such a socket resets what still waits. */
    tc_listeners_fini(&m->listeners);
    if (!at_once)
        fprintf(stderr, "\ntercet: finishing what is under way; once more ends at once\n");
    for (int i = 0; i < GENERATIONS; i++) {
        generation *g = &m->at[i];
        if (!g->pid) continue;
        if (at_once || g->phase == BEGINNING) {
            g->killed = true;
            kill(g->pid, SIGKILL);
        } else {
            tell_to_end(g, &head, NULL, 0);
        }
    }
}

/* The master may write where its generations may not any more. */
static void reopen(master *m)
{
    const tc_message_head head = {.kind = TC_SAYS_REOPEN};
    if (!m->log[0]) return;
    const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY;
    const int fd = (int)TEMP_FAILURE_RETRY(open(m->log, flags, 0644));
    if (fd < 0) {
        fprintf(stderr, "tercet: %s: %s; the old file is written on\n", m->log, strerror(errno));
        return;
    }
    for (int i = 0; i < GENERATIONS; i++)
        if (m->at[i].pid && m->at[i].phase != BEGINNING)
            tc_generation_send(&m->at[i], &head, NULL, 0, &fd, 1);
    close(fd);
}

static void hear_signals(master *m)
{
    struct signalfd_siginfo info;
    while (read(m->signals, &info, sizeof info) == sizeof info) {
        switch (info.ssi_signo) {
        case SIGHUP: reload(m); break;
        case SIGUSR1: reopen(m); break;
        case SIGINT:
        case SIGTERM: quit(m); break;
        default: break; /* SIGCHLD: reap is called in any case */
        }
    }
}

/* --- the loop ------------------------------------------------------------------------------ */

static bool any(const master *m)
{
    for (int i = 0; i < GENERATIONS; i++)
        if (m->at[i].pid) return true;
    return false;
}

/* What takes for ever to begin is no use. */
static void look_at_clock(master *m)
{
    const int64_t now = tc_clock_now();
    generation *g = tc_generation_in(m, BEGINNING);
    if (g && !g->killed && now > g->began + BEGIN_S * TC_S) {
        fprintf(stderr, "tercet: generation %u does not serve after %d s\n", g->number, BEGIN_S);
        g->killed = true;
        kill(g->pid, SIGKILL);
    }
    if (m->restart_at && now >= m->restart_at) begin(m, m->same);
}

static void listen_for_signals(master *m)
{
    sigset_t all;
    sigemptyset(&all);
    sigaddset(&all, SIGHUP);
    sigaddset(&all, SIGINT);
    sigaddset(&all, SIGTERM);
    sigaddset(&all, SIGUSR1);
    sigaddset(&all, SIGCHLD);
    sigprocmask(SIG_BLOCK, &all, NULL);
    signal(SIGPIPE, SIG_IGN);
    m->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void turn(master *m)
{
    struct pollfd p[2 + 2 * GENERATIONS + ASKERS];
    generation *who[2 + 2 * GENERATIONS];
    nfds_t n = 0;
    p[n++] = (struct pollfd){.fd = m->signals, .events = POLLIN};
    p[n++] = (struct pollfd){.fd = m->control, .events = POLLIN}; /* -1 is left out */
    for (int i = 0; i < GENERATIONS; i++) {
        generation *g = &m->at[i];
        if (!g->pid) continue;
        who[n] = g;
        p[n++] = (struct pollfd){.fd = g->channel, .events = POLLIN};
        who[n] = g;
        p[n++] = (struct pollfd){.fd = g->words, .events = POLLIN};
    }
    const nfds_t theirs = n;
    for (size_t i = 0; i < m->silent_count; i++)
        p[n++] = (struct pollfd){.fd = m->silent[i], .events = POLLIN};
    const bool waits = m->restart_at || tc_generation_in(m, BEGINNING);
    if (m->signals < 0) listen_for_signals(m); /* what was sent meanwhile is still there */
    p[0].fd = m->signals;
    if (poll(p, n, waits || m->signals < 0 ? 250 : -1) < 0) return; /* EINTR */
    for (nfds_t i = 2; i < theirs; i++) {
        if (!p[i].revents || !who[i]->pid) continue;
        if (p[i].fd == who[i]->words)
            hear_words(who[i]);
        else
            hear_generation(m, who[i]);
    }
    if (p[0].revents) hear_signals(m);
    if (p[1].revents) meet_askers(m);
    hear_askers(m);
    reap(m);
    look_at_clock(m);
}

/* --- beginning ----------------------------------------------------------------------------- */

int tc_master_run(const tc_master_settings *settings)
{
    static master m; /* too large for a stack, and there is one */
    m.settings = settings;
    m.texts = m.new_texts = -1;
    for (int i = 0; i < GENERATIONS; i++)
        m.at[i] = (generation){.channel = -1, .pass = -1, .words = -1, .slot = -1};
    tc_generation_bounded(&m, DEFAULT_BOUNDS);
    tc_master_find_program(&m);
    tc_notify_open(&m.notify);
    listen_for_signals(&m);
    const bool resumed = tc_master_resume(&m);
    m.pid_written = resumed && settings->pid_file;
    if (!resumed && m.signals < 0) {
        fprintf(stderr, "tercet: no signals can be heard: %s\n", strerror(errno));
        return tc_err_exit(tc_err_from_errno(errno));
    }
    tc_generation_ledger(&m);
    if (!resumed) {
        tc_master_take_handed_in(&m);
        tc_master_listen(&m);
        if (!tc_generation_spawn(&m)) return tc_err_exit(TC_ERR_SYSTEM);
    }
    while (any(&m) || !m.quits)
        turn(&m);
    answer_all(m.waiting, &m.waiting_count, 1, "", 0);
    if (m.control >= 0) (void)unlink(settings->control); /* it may be gone already */
    if (m.pid_written) (void)unlink(settings->pid_file);
    tc_listeners_fini(&m.listeners);
    tc_notify_close(&m.notify);
    drop_kept(m.kept, &m.kept_count);
    tc_ledger_free(m.ledger);
    return m.exit_code;
}
