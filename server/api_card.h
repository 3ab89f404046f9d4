/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolling a card at its person's own seat: a challenge, and a key that
 * signs it together with an administrator's one-time code. Whoever holds a
 * code may bind one key to one person; nothing here asks who sits there.
 */
#ifndef SEKIMORI_API_CARD_H
#define SEKIMORI_API_CARD_H

#include "server/server.h"

void api_card_challenge(struct server *server, struct http_exchange *exchange);
void api_card_enroll(struct server *server, struct http_exchange *exchange);

#endif
