/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rollback watch: is the head we kept still in the server's chain? The
 * question names the number only, never the hash, so that a server that was
 * rolled back cannot give the right answer. A mismatch is reported to the
 * server and logged; the old head is kept beside as evidence.
 */
#ifndef SEKIMORI_AGENT_WATCH_H
#define SEKIMORI_AGENT_WATCH_H

#include "pam_module/agent/self.h"

#define WATCH_EVIDENCE "head.lost"

/* Checks the kept head, then keeps the new one if it is genuine. Logs. */
enum err watch_head(const char *directory, const struct server_call *server,
    const struct self *self);

#endif
