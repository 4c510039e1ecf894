/* master_notes.c - what a master notes in the ledger, for those who look on: what became of
 * reloads, and who ended unasked. */
// SPDX-License-Identifier: MIT
#include <sys/wait.h>
#include <time.h>

#include "serve/master_inside.h"

void tc_master_note_reload(const master *m, bool good)
{
    if (!m->ledger || m->same || m->quits) return;
    tc_ledger_notes *notes = tc_ledger_notes_of(m->ledger);
    if (!good)
        notes->refused++;
    else if (notes->reloaded_at)
        notes->reloads++;
    if (good) notes->reloaded_at = (uint64_t)time(NULL);
    notes->refused_last = !good;
}

/* One that begins and cannot is a reload that is refused, or else stands for one that crashed. */
static bool ended_unasked(const master *m, const generation *g, int status)
{
    if (m->quits || g->killed) return false;
    if (g->phase == BEGINNING) return m->same;
    return g->phase == SERVING || WIFSIGNALED(status);
}

void tc_master_note_end(const master *m, const generation *g, int status)
{
    if (m->ledger && ended_unasked(m, g, status)) tc_ledger_notes_of(m->ledger)->crashed++;
}
