/* bench_cpu.c - CPU time: ours, and that of the processes that hold the socket which listens on the
 * server's port, where the server is on this machine (/proc, see proc(5)). What may not be looked
 * at counts as not there. */
// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/span.h"
#include "load/bench.h"

enum { INODES = 64, TCP_LISTENS = 10, UDP_OPEN = 7, LINE = 512, PATH = 300 };

typedef struct inodes {
    unsigned long at[INODES];
    unsigned count;
} inodes;

/* Of sockets in such a state on the port, from one of the tables in /proc/net. */
static void find_inodes(const char *table, unsigned wanted_state, uint16_t wanted_port, inodes *to)
{
    char line[LINE];
    FILE *f = fopen(table, "re");
    if (!f) return;
    while (fgets(line, sizeof line, f) && to->count < INODES) {
        unsigned port, state;
        unsigned long inode;
        if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*s %*s %lu", &port,
                   &state, &inode) != 3)
            continue;                                                   /* the heading */
        if (state != TCP_LISTENS && wanted_state == TCP_LISTENS) break; /* those come first */
        if (state == wanted_state && port == wanted_port) to->at[to->count++] = inode;
    }
    fclose(f);
}

static bool is_number(const char *name)
{
    uint64_t n;
    return tc_span_number(tc_span_str(name), &n);
}

/* Whether one of a process's descriptors is one of those sockets. */
static bool holds_one(const char *pid, const inodes *wanted)
{
    char path[PATH], target[64];
    bool found = false;
    (void)snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *folder = opendir(path);
    if (!folder) return false;
    for (const struct dirent *e; !found && (e = readdir(folder));) {
        unsigned long inode;
        const ssize_t n = readlinkat(dirfd(folder), e->d_name, target, sizeof target - 1);
        if (n <= 0) continue;
        target[n] = 0;
        if (sscanf(target, "socket:[%lu]", &inode) != 1) continue;
        for (unsigned i = 0; i < wanted->count; i++)
            found |= wanted->at[i] == inode;
    }
    closedir(folder);
    return found;
}

static double seconds_of(const char *pid)
{
    char path[PATH], text[1024];
    unsigned long user, system;
    (void)snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    FILE *f = fopen(path, "re");
    if (!f) return 0;
    const size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    const char *behind = strrchr(text, ')'); /* its name may hold anything */
    if (!behind || sscanf(behind, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                          &system) != 2)
        return 0;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static bool is_this_machine(const char *address)
{
    struct ifaddrs *all;
    bool found = tc_span_starts(tc_span_str(address), TC_SPAN("127."));
    if (found || getifaddrs(&all)) return found;
    for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
        char text[NI_MAXHOST];
        const int family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;
        if (family != AF_INET && family != AF_INET6) continue;
        const socklen_t size =
            family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
        found = !getnameinfo(i->ifa_addr, size, text, sizeof text, NULL, 0, NI_NUMERICHOST) &&
                tc_span_eq(tc_span_str(text), tc_span_str(address));
    }
    freeifaddrs(all);
    return found;
}

static double in_seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* For a core while it could have run; 0 where the kernel does not count that. */
static double waited(void)
{
    unsigned long long ns = 0;
    FILE *f = fopen("/proc/self/schedstat", "re");
    if (!f) return 0;
    if (fscanf(f, "%*u %llu", &ns) != 1) ns = 0;
    fclose(f);
    return (double)ns / (double)TC_S;
}

void tc_bench_cpu_ours(tc_bench_cpu *cpu)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage); /* cannot fail: valid arguments */
    cpu->user = in_seconds(usage.ru_utime);
    cpu->system = in_seconds(usage.ru_stime);
    cpu->waited = waited();
}

void tc_bench_cpu_server(tc_bench_cpu *cpu, const char *address, uint16_t port, bool datagrams)
{
    inodes found = {.count = 0};
    cpu->processes = 0;
    cpu->server = 0;
    if (is_this_machine(address)) {
        const unsigned state = datagrams ? UDP_OPEN : TCP_LISTENS;
        find_inodes(datagrams ? "/proc/net/udp" : "/proc/net/tcp", state, port, &found);
        find_inodes(datagrams ? "/proc/net/udp6" : "/proc/net/tcp6", state, port, &found);
    }
    DIR *all = found.count ? opendir("/proc") : NULL;
    for (const struct dirent *e; all && (e = readdir(all));) {
        if (!is_number(e->d_name) || !holds_one(e->d_name, &found)) continue;
        cpu->processes++;
        cpu->server += seconds_of(e->d_name);
    }
    if (all) closedir(all);
}
