/* upgrade.c - the master becomes the new build of the program, once a generation of it serves: the
 * same process, so that whoever began it need not know. What it keeps stays open; what is what is
 * written down in a file in memory. */
// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "serve/master_inside.h"

#define MASTER_STATE "TERCET_MASTER"
enum { INHERITED = 65536 };

static bool is_new(const master *m)
{
    struct stat now;
    return m->program[0] && stat(m->program, &now) == 0 &&
           (now.st_ino != m->program_was.st_ino || now.st_dev != m->program_was.st_dev ||
            now.st_mtim.tv_sec != m->program_was.st_mtim.tv_sec ||
            now.st_mtim.tv_nsec != m->program_was.st_mtim.tv_nsec);
}

static void inherit(int fd)
{
    if (fd >= 0) (void)fcntl(fd, F_SETFD, 0);
}

static void disinherit(int fd)
{
    if (fd >= 0) (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void for_all(const master *m, void (*act)(int fd))
{
    for (size_t i = 0; i < m->listeners.count; i++) {
        const tc_listening *l = &m->listeners.at[i];
        for (unsigned j = 0; j < l->tcp_count; j++)
            act(l->tcp[j]);
        for (unsigned j = 0; j < l->udp_count; j++)
            act(l->udp[j]);
    }
    for (int i = 0; i < GENERATIONS; i++)
        if (m->at[i].pid) act(m->at[i].channel), act(m->at[i].pass);
    for (size_t i = 0; i < m->kept_count; i++)
        act(m->kept[i]);
    for (size_t i = 0; i < m->silent_count; i++)
        act(m->silent[i]);
    act(m->control);
    if (m->ledger) act(tc_ledger_fd(m->ledger));
    act(m->texts);
}

void tc_master_write(const master *m, FILE *to)
{
    fprintf(to, "tercet-master %d\n", TC_GENERATION_VERSION);
    fprintf(to, "last %u\ncontrol %d\nlog %s\n", m->last_number, m->control, m->log);
    tc_listeners_write(&m->listeners, to);
    for (int i = 0; i < GENERATIONS; i++) {
        const generation *g = &m->at[i];
        if (g->pid)
            fprintf(to, "generation %ld %u %d %d %d %lld %d %lld\n", (long)g->pid, g->number,
                    (int)g->phase, g->channel, g->pass, (long long)g->began, g->slot,
                    (long long)g->drains);
    }
    for (size_t i = 0; i < m->kept_count; i++)
        fprintf(to, "kept %d\n", m->kept[i]);
    for (size_t i = 0; i < m->silent_count; i++)
        fprintf(to, "asker %d\n", m->silent[i]);
    if (m->texts >= 0) fprintf(to, "texts %d\n", m->texts);
    if (m->ledger) fprintf(to, "ledger %d\n", tc_ledger_fd(m->ledger));
    fprintf(to, "bounds %llu %llu\n", (unsigned long long)m->bounds.most,
            (unsigned long long)m->bounds.drain_ms);
    fprintf(to, "secret %lld ", (long long)m->secret_made);
    for (size_t i = 0; i < sizeof m->secret; i++)
        fprintf(to, "%02x", m->secret[i]);
    fprintf(to, "\n");
}

void tc_master_upgrade(master *m)
{
    char variable[32];
    if (!is_new(m) || tc_generation_in(m, BEGINNING)) return;
    const int fd = memfd_create("tercet", 0);
    const int copy = fd < 0 ? -1 : dup(fd);
    FILE *to = copy < 0 ? NULL : fdopen(copy, "w");
    if (to) {
        tc_master_write(m, to);
        (void)snprintf(variable, sizeof variable, "%d", fd);
        const bool whole = !ferror(to); /* fclose speaks of its own write alone */
        if (fclose(to) == 0 && whole && setenv(MASTER_STATE, variable, 1) == 0) {
            fflush(stderr);
            for_all(m, inherit);
            execv(m->program, m->settings->argv);
            for_all(m, disinherit);
            unsetenv(MASTER_STATE);
        }
    }
    fprintf(stderr, "tercet: %s: %s; the master stays the old one\n", m->program, strerror(errno));
    if (!to && copy >= 0) close(copy);
    if (fd >= 0) close(fd);
    (void)stat(m->program, &m->program_was); /* said once */
}

/* --- after that ---------------------------------------------------------------------------- */

/* Older builds say less. */
static void read_generation(master *m, const char *line)
{
    long pid;
    long long began, drains = tc_clock_now();
    unsigned number;
    int phase, channel, pass, slot = -1;
    if (sscanf(line, "generation %ld %u %d %d %d %lld %d %lld", &pid, &number, &phase, &channel,
               &pass, &began, &slot, &drains) < 6)
        return;
    for (int i = 0; i < GENERATIONS; i++) {
        generation *g = &m->at[i];
        if (g->pid) continue;
        *g = (generation){.pid = (pid_t)pid,
                          .number = number,
                          .phase = (enum phase)phase,
                          .channel = channel,
                          .pass = pass,
                          .words = -1,
                          .began = began,
                          .drains = drains,
                          .slot = slot,
                          .said = tc_alloc(WORDS)};
        return;
    }
}

static void read_secret(master *m, const char *line)
{
    char hex[2 * TC_GENERATION_SECRET + 1];
    long long made;
    if (sscanf(line, "secret %lld %128[0-9a-f]", &made, hex) != 2) return;
    if (tc_hex_read(m->secret, hex, sizeof m->secret)) m->secret_made = made;
}

static void read_line(master *m, const char *line)
{
    int fd;
    unsigned long long most, drain_ms;
    if (sscanf(line, "bounds %llu %llu", &most, &drain_ms) == 2)
        tc_generation_bounded(m, (tc_generation_bounds){most, drain_ms});
    if (sscanf(line, "ledger %d", &fd) == 1 && tc_ledger_open(fd, &m->ledger) != TC_OK) close(fd);
    (void)!sscanf(line, "last %u", &m->last_number);
    (void)!sscanf(line, "control %d", &m->control);
    (void)!sscanf(line, "texts %d", &m->texts);
    (void)!sscanf(line, "log %4095[^\n]", m->log);
    (void)tc_listeners_read(&m->listeners, line);
    if (sscanf(line, "kept %d", &fd) == 1 && m->kept_count < TC_GENERATION_KEPT)
        m->kept[m->kept_count++] = fd;
    if (sscanf(line, "asker %d", &fd) == 1 && m->silent_count < ASKERS)
        m->silent[m->silent_count++] = fd;
    read_generation(m, line);
    read_secret(m, line);
}

bool tc_master_was_upgraded(void)
{
    return getenv(MASTER_STATE) != NULL;
}

bool tc_master_resume(master *m)
{
    char line[PATH_MAX + 64];
    int version = 0;
    const char *text = getenv(MASTER_STATE);
    const int fd = text ? atoi(text) : -1;
    if (!text) return false;
    unsetenv(MASTER_STATE);
    FILE *from = fd > 2 && lseek(fd, 0, SEEK_SET) == 0 ? fdopen(fd, "r") : NULL;
    m->control = -1;
    if (!from || !fgets(line, sizeof line, from) ||
        sscanf(line, "tercet-master %d", &version) != 1 || version != TC_GENERATION_VERSION) {
        if (from) fclose(from);
        return false;
    }
    while (fgets(line, sizeof line, from))
        read_line(m, line);
    fclose(from);
    for (int i = 0; i < GENERATIONS && !m->ledger; i++)
        m->at[i].slot = -1; /* in a ledger that this build cannot read */
    memcpy(m->new_log, m->log, sizeof m->log);
    for_all(m, disinherit);
    fprintf(stderr, "tercet: the master is %s now\n", TERCET_VERSION);
    return true;
}
