/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New tokens that come in parts, too many for one transaction beside logins.
 * Until the import is finished its tokens are arriving: in their tables, sealed
 * and with their ledger, but found and listed by nobody. Finishing makes all
 * of them real by taking one small table away; giving up deletes them, some at
 * a time. One import at a time: a new one ends what broke off.
 */
#ifndef SEKIMORI_STOCK_IMPORT_H
#define SEKIMORI_STOCK_IMPORT_H

#include "server/store/token.h"

enum {
	STOCK_SWEEP_ROWS = 50,     /* deleted in one transaction */
	STOCK_IMPORT_IDLE_S = 900, /* then whoever sent it is gone */
	STOCK_IMPORT_TOKENS_MAX = 250000,
};

enum stock_import_state {
	STOCK_IMPORT_GIVEN_UP = 0,
	STOCK_IMPORT_ARRIVING,
	STOCK_IMPORT_DONE,
};

struct stock_import {
	int64_t id;
	enum stock_import_state state;
	int64_t tokens;
	bool has_fault; /* it can only be given up */
};

/* Gives up whatever is arriving and deletes some of it. With *out_more it
 * wants to be called again; else *out_id is a new import. */
enum err stock_import_begin(
    struct store *store, int64_t now_s, int64_t *out_id, bool *out_more);

/* ERR_NOT_FOUND. */
enum err stock_import_find(
    struct store *store, int64_t id, struct stock_import *out);
/* How many tokens more it has, or that it can only be given up. */
enum err stock_import_note(struct store *store, int64_t id, int64_t tokens,
    bool has_fault, int64_t now_s);

/* Why one is not added: another token, of this line of the same import or (0)
 * of those that are here. */
struct stock_clash {
	int64_t line;
	bool by_serial; /* else it has the same seed */
	struct token other;
};

/* Adds a token in stock, arriving. ERR_EXISTS fills clash. */
enum err stock_import_add(struct store *store, int64_t line,
    const struct token *token, const struct token_deed *deed,
    struct stock_clash *clash);

/* All that arrived is here. */
enum err stock_import_finish(struct store *store, int64_t id);
/* What arrived will be deleted by stock_import_sweep. */
enum err stock_import_give_up(struct store *store, int64_t id);
/* Deletes some of what was given up or left alone; *out_more: not all. */
enum err stock_import_sweep(struct store *store, int64_t now_s, bool *out_more);

#endif
