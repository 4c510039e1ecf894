/* look.c - tells those who look on what happens. Reached only if somebody does. */
// SPDX-License-Identifier: MIT
#include "session/inside.h"

void tc_session_show(tc_session *s, enum tc_seen_kind kind, const tc_exchange *x, tc_err err,
                     tc_span text, bool ours)
{
    tc_session_info info = {.id = s->id,
                            .role = s->env->engine.role,
                            .link = s->link->type->name,
                            .exchanges = s->begun};
    if (s->flags & HAS_ENGINE) info.version = tc_session_engine(s)->type->version;
    s->link->type->peer(s->link, info.peer, &info.peer_port);
    tc_show(s->env->watch, &(tc_seen){.kind = kind,
                                      .ours = ours,
                                      .err = err,
                                      .at = tc_loop_now(s->env->loop),
                                      .session = &info,
                                      .x = x,
                                      .text = text});
}
