/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger of a token: in stock, lent to whom, back again. A row for each
 * change of state, holder or end of a loan, written by token_add and
 * token_save in the same transaction and by nobody else, never changed. The
 * audit chain proves what was done; this is what an officer reads.
 */
#ifndef SEKIMORI_TOKEN_LEDGER_H
#define SEKIMORI_TOKEN_LEDGER_H

#include "server/store/token.h"

enum {
	TOKEN_WHY_SIZE = 512
};

struct token_ledger_row {
	int64_t seq; /* from 1 */
	int64_t time_s;
	char actor[NAME_BYTES_MAX + 1];
	bool is_first; /* `from` means nothing */
	enum token_state from, to;
	int64_t from_person_id, person_id;  /* 0: nobody */
	char from_user[NAME_BYTES_MAX + 1]; /* holder before; may be empty */
	char user[NAME_BYTES_MAX + 1];      /* holder after; may be empty */
	char name[NAME_BYTES_MAX + 1];      /* what he was called then */
	int64_t loan_until;
	char why[TOKEN_WHY_SIZE];
};

/* The first row of a token that was just added. */
enum err token_ledger_open(struct store *store, const struct token *token,
    const struct token_deed *deed);
/* What saving it will change; nothing if that is nothing. */
enum err token_ledger_add(struct store *store, const struct token *token,
    const struct token_deed *deed);
/* Every HOTP token that a restore makes void. */
enum err token_ledger_add_void(
    struct store *store, const struct token_deed *deed);

/* Every loan whose end is later than the deed, which ends it. */
enum err token_ledger_add_ended(
    struct store *store, const struct token_deed *deed);

/* In order. The row is the callee's to write in. */
enum err token_ledger_each(struct store *store, int64_t token_id,
    enum err (*each)(void *context, struct token_ledger_row *row),
    void *context);

#endif
