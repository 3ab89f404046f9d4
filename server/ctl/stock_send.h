/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New tokens on their way to the server: begun, in parts of a few at a pace
 * that leaves room for logins, finished or given up. Must not know where they
 * come from.
 */
#ifndef SEKIMORI_CTL_STOCK_SEND_H
#define SEKIMORI_CTL_STOCK_SEND_H

#include "server/ctl/commands.h"
#include "server/ctl/stock.h"

struct stock_send {
	struct call *call;
	struct client *client;
	/* What the server says against a row: {line, member, text}. */
	void (*on_problem)(void *context, json_t *problem);
	void *context;
	json_int_t tokens; /* taken so far */
	int code;          /* of the last question; enum command_exit */
	/* its own */
	json_t *rows;      /* the part being gathered */
	size_t part_rows;  /* how many it gets */
	json_int_t number; /* of the import; 0: not begun */
	int64_t due_us;    /* when the next part is */
};

/* False: it has been said why, and code says how to end. */
bool stock_send_begin(struct stock_send *send);
bool stock_send_row(struct stock_send *send, const struct stock_row *row);
/* What is gathered, though it is no whole part. */
bool stock_send_rest(struct stock_send *send);
bool stock_send_finish(struct stock_send *send);
/* After that the server has nothing of it; if it cannot be told, it finds out
 * by itself. code is then what ended it. */
void stock_send_give_up(struct stock_send *send);
void stock_send_free(struct stock_send *send);

#endif
