/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's answer to a login call, from bytes to one of five outcomes.
 * Whatever is not exactly a decision as the contract writes it counts as "no
 * server in reach", which opens nothing. Pure; fuzzed.
 */
#ifndef SEKIMORI_AGENT_LOGIN_REPLY_H
#define SEKIMORI_AGENT_LOGIN_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "pam_module/agent/card.h"
#include "pam_module/agent/server_call.h"
#include "shared/text.h"

enum {
	LOGIN_TOKEN_SIZE = 257
}; /* base64url and NUL */

enum login_outcome {
	LOGIN_UNAVAILABLE = 0,
	LOGIN_DENIED,
	LOGIN_CONTINUES,
	LOGIN_EXEMPTED,
	LOGIN_ACCEPTED,
};

enum login_reason {
	LOGIN_REASON_NONE = 0, /* accept, exempt, continue, unavailable */
	LOGIN_REASON_WRONG,
	LOGIN_REASON_USED,
	LOGIN_REASON_THROTTLED,
	LOGIN_REASON_DISABLED,
	LOGIN_REASON_SUSPENDED,
	LOGIN_REASON_FROZEN,
	LOGIN_REASON_NOT_ENROLLED,
	LOGIN_REASON_NOT_PERMITTED,
	LOGIN_REASON_EXPIRED,
	LOGIN_REASON_CLOCK,
};

/* What a challenge asks for. */
struct login_challenge {
	bool offers_codes; /* one-time or emergency codes */
	bool offers_card;
	bool asks_person; /* who of those that share the account? */
	bool cards_later; /* once the person is known */
	size_t tag_count; /* 0: no card could be told from another */
	unsigned char challenge[CARD_CHALLENGE_BYTES];
	unsigned char tags[CARD_TAGS_SHARED][CARD_TAG_BYTES];
};

/* When and where the person was let in before; at 0: not told. */
struct login_last {
	int64_t at;
	uint64_t failures; /* since */
	bool bound;        /* since: a token or card became his */
	char terminal[NAME_BYTES_MAX + 1];
};

struct login_reply {
	enum login_outcome outcome;
	enum login_reason reason;
	bool other_user;  /* an accept for somebody else: unavailable, alert */
	int64_t retry_at; /* unix seconds; 0: none */
	char login[LOGIN_TOKEN_SIZE];     /* empty if the answer has none */
	struct login_challenge challenge; /* of CONTINUES */
	/* Of an accept. */
	char person[NAME_BYTES_MAX + 1]; /* empty if it does not say */
	bool by_grace;                   /* by no factor, for the log */
	enum card_removed card_removed;
	int64_t card_expires; /* unix seconds; 0: not soon */
	struct login_last last;
	int64_t shadow_until; /* of an exemption: refused from then on; 0:
				 none such */
};

/* user is whom we asked for. Any reply gives a valid out. */
void login_reply_read(const struct server_reply *reply, const char *user,
    struct login_reply *out);

/* "throttled"; "" for none. */
const char *login_reason_text(enum login_reason reason);

#endif
