/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-time-code tokens. The seed is sealed and bound to its row; the floor
 * belongs to the seed, not to the token, and outlives it: the same seed
 * enrolled again, for whomever, starts where it stopped. Rows that change at
 * every login (floors) are apart from those that do not (seeds), because
 * small rows commit faster.
 */
#ifndef SEKIMORI_TOKEN_H
#define SEKIMORI_TOKEN_H

#include "server/core/otp.h"
#include "server/store/store.h"
#include "shared/text.h"

enum token_state {
	TOKEN_PENDING = 0, /* enrolled, no code seen yet; opens nothing */
	TOKEN_ACTIVE,
	TOKEN_SUSPENDED,
	TOKEN_LOST,
	TOKEN_REVOKED,
	TOKEN_VOID,     /* HOTP after a restore: rebind by confirm */
	TOKEN_STOCK,    /* in the drawer; this and what follows is nobody's */
	TOKEN_RETURNED, /* in the drawer, was somebody's */
	TOKEN_RETIRED,  /* will be nobody's any more */
};

enum {
	TOKEN_SERIAL_SIZE = 65
};

struct token {
	int64_t id;
	int64_t person_id; /* 0: nobody's */
	char serial[TOKEN_SERIAL_SIZE];
	char user[NAME_BYTES_MAX + 1]; /* its holder or empty; filled when
					  read */
	enum token_state state;
	int64_t created_at, confirmed_at, last_used_at; /* 0: never */
	/* Filled when read: of its holder, and whether it came into stock, so
	 * that nobody has ever seen its seed. */
	char name[NAME_BYTES_MAX + 1], department[NAME_BYTES_MAX + 1];
	bool holder_removed, holder_suspended;
	int64_t holder_until; /* 0: no end */
	bool device;
	int64_t loan_until;   /* lent for a day: opens nothing from then on; 0:
				 no end */
	bool out_of_step;     /* by wrong codes since the last good one; filled
				 when read */
	struct otp_token otp; /* seed empty unless asked for */
};

/* What the ledger says of a change. */
struct token_deed {
	const char *actor;
	const char *why;
	int64_t time_s;
};

const char *token_state_text(enum token_state state);
/* Whether a token in this state is nobody's. */
bool token_is_unheld(enum token_state state);
/* Whether it was lent for a day that is over: it opens nothing. */
bool token_is_due(const struct token *token, int64_t now_s);
/* ERR_INVALID for a word that is none. */
enum err token_state_from_text(const char *text, enum token_state *out);

/*
 * Adds a token with its seed (otp.floor is the least it starts with; a floor
 * remembered for this seed wins when higher). Makes a serial "SK" and ten
 * base32 characters when serial is empty. Sets id and serial. Of a holder
 * only person_id counts; ERR_INVALID unless the state wants one and there is
 * one, or neither. ERR_EXISTS: the serial, or a token neither revoked nor
 * retired with this very seed; the existing token is then in *token but for its
 * seed. deed goes to the ledger; NULL only for decoys.
 */
enum err token_add(
    struct store *store, struct token *token, const struct token_deed *deed);
/*
 * State, holder, end of the loan and the times; never seed or floor, which
 * stay whoever gets it. What changes of the first three is one row of the
 * ledger. ERR_INVALID as token_add; ERR_EXISTS when it comes back while
 * another token has its seed.
 */
enum err token_save(struct store *store, const struct token *token,
    const struct token_deed *deed);
/* What was lent until a time that is still to come is due now: by a clock that
 * was ahead and is set back it may have been over, and since a backup it may
 * have come back and gone to somebody else. */
enum err token_end_loans(struct store *store, const struct token_deed *deed);
/* Moves the floor up, never down: ERR_NOT_ALLOWED otherwise. With it goes the
 * drift. */
enum err token_spend(struct store *store, int64_t token_id, int64_t floor,
    int64_t drift, int64_t now_s);

enum err token_find(
    struct store *store, const char *serial, bool with_seed, struct token *out);
/* At most limit of everybody's after a serial ("" for the first), in order
 * of it. */
enum err token_each_serial(struct store *store, const char *after,
    int64_t limit, enum err (*each)(void *context, const struct token *token),
    void *context);
/* One person's. */
enum err token_each(struct store *store, int64_t person_id,
    enum err (*each)(void *context, const struct token *token), void *context);

void token_wipe(struct token *token);

#endif
