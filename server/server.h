/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the handlers share: the configuration in force, the batch, the
 * authority, the clock. One per process, made in main.c and passed as the
 * context of every handler. Used on the loop's thread unless said otherwise.
 */
#ifndef SEKIMORI_SERVER_H
#define SEKIMORI_SERVER_H

#include "server/batch.h"
#include "server/core/clock.h"
#include "server/core/decide.h"
#include "server/http.h"
#include "server/keys/authority.h"
#include "server/keys/keyring.h"
#include "server/settings.h"
#include "server/store/store.h"

struct backup;
struct password_worker;
struct rate_table;
struct reserve;
struct waiting;

struct server {
	struct settings settings;
	struct event_base *base;
	struct http *http;
	struct batch *batch;
	struct store *store; /* only through jobs */
	struct keyring *keyring;
	struct reserve *reserve; /* of disk; also in the store */
	struct authority *authority;
	struct waiting *waiting;           /* calls that wait for a stop */
	struct rate_table *rates;          /* attempts per terminal */
	struct rate_table *failures;       /* per terminal; only inside jobs */
	struct rate_table *signins;        /* of administrators, per address */
	struct password_worker *passwords; /* NULL: it has stopped */
	struct clock_reading mark;         /* last believed time */
	bool clock_doubtful;
	char boot_id[CLOCK_BOOT_ID_SIZE];
	bool rotation_running, backup_running; /* of administrators */
	int64_t card_crl_until; /* of the first to end; INT64_MAX: none */
	size_t shadow_rules;    /* in shadow mode, for /metrics */
	struct backup *backup;  /* under way; only inside jobs */
	struct server_counts {  /* for /metrics */
		unsigned long long decisions[4];    /* by enum result */
		unsigned long long reasons[16];     /* by enum reason */
		unsigned long long cards_unfit[16]; /* by enum card_standing */
		unsigned long long rate_limited, unavailable, out_of_step;
		unsigned long long shadowed;
	} counts;
};

/* The kernel's name for this boot; "" if it has none. */
void server_read_boot_id(char out[CLOCK_BOOT_ID_SIZE]);

/* What the clocks say, believed or not. */
void server_read_clocks(
    const struct server *server, struct clock_reading *out, int64_t *out_ms);

/* Reads the clocks once and judges them; call once per request. */
struct clock_judgement server_now(struct server *server, int64_t *out_now_ms);

#endif
