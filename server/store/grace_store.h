/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a grace is tied to. A row begins with an accept by a factor and holds
 * its login's name; the report of the session that it opened gives it the
 * session, once, and its first use the terminal line. It ends with whatever
 * it rests on, for good: nothing that comes back brings a grace back. Rows
 * are few and live for minutes. Whether one holds is core/grace.h's business.
 */
#ifndef SEKIMORI_GRACE_STORE_H
#define SEKIMORI_GRACE_STORE_H

#include "server/core/grace.h"
#include "server/store/store.h"

enum {
	GRACE_LOGIN_BYTES = 16,
	GRACE_SESSION_BYTES = 32,
};

/* An accept by a factor. */
struct grace_login {
	unsigned char login[GRACE_LOGIN_BYTES]; /* its name */
	int64_t person_id, terminal_id;
	int64_t token_id, card_id; /* 0: by something else */
	enum factor factor;
	int64_t since; /* unix seconds */
};

struct grace_row {
	int64_t id;
	unsigned char login[GRACE_LOGIN_BYTES];
	struct grace grace;
};

/* Drops rows that are over. Those of a code lent for a day end with it. */
enum err grace_begin(struct store *store, const struct grace_login *login);

/* What a terminal calls a session means nothing on another one. */
enum err grace_session_hash(const struct store *store, int64_t terminal_id,
    const char *session, unsigned char out[GRACE_SESSION_BYTES]);

/* *out_tied is false when there is no such login of this terminal, or it has
 * a session already, or the session has a login already. */
enum err grace_tie(struct store *store, int64_t terminal_id,
    const unsigned char login[GRACE_LOGIN_BYTES],
    const unsigned char session[GRACE_SESSION_BYTES], bool *out_tied);

/* out->grace.given is false when there is none, or it is somebody else's. The
 * same statement whoever asks. */
enum err grace_find(struct store *store,
    const unsigned char session[GRACE_SESSION_BYTES], int64_t person_id,
    int64_t now_s, struct grace_row *out);

/* Its first use; later ones change nothing. */
enum err grace_use(struct store *store, int64_t id, const char *tty);

/* By its name, whatever session it has. */
enum err grace_end_login(struct store *store, int64_t terminal_id,
    const unsigned char login[GRACE_LOGIN_BYTES]);
enum err grace_end_session(
    struct store *store, const unsigned char session[GRACE_SESSION_BYTES]);
enum err grace_end_person(struct store *store, int64_t person_id);
enum err grace_end_terminal(struct store *store, int64_t terminal_id);
enum err grace_end_token(struct store *store, int64_t token_id);
enum err grace_end_card(struct store *store, int64_t card_id);
enum err grace_end_cards(struct store *store); /* of every card */
enum err grace_end_all(struct store *store);

#endif
