/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A card's part of the login call: the members that hold its proof, the bytes
 * it must have signed, what is found out about it, and the tags by which a
 * challenge names keys. Must not decide: core/decide.c does.
 */
#ifndef SEKIMORI_LOGIN_CARD_H
#define SEKIMORI_LOGIN_CARD_H

#include "server/core/policy.h"
#include "server/login_call.h"
#include "shared/card_proof.h"
#include "shared/encode.h"

enum {
	LOGIN_CARD_NOTICE_S = 90 * 86400, /* before a certificate ends */
	/* characters of base64 */
	LOGIN_CARD_CERTIFICATE_MAX =
	    ENCODE_BASE64_SIZE(CARD_CERTIFICATE_BYTES_MAX) - 1,
	LOGIN_CARD_SIGNATURE_MAX =
	    ENCODE_BASE64_SIZE(CARD_SIGNATURE_BYTES_MAX) - 1,
};

/* As they stand in the body; NULL when absent. */
struct login_card_members {
	const char *certificate, *signature, *algorithm;
};

/*
 * Takes them into login->proof. Any of them missing or empty is no proof at
 * all (NULL), which is an empty answer. ERR_INVALID, with a literal that says
 * what is malformed, also when they come with another factor; ERR_MEMORY.
 */
enum err login_card_take(struct login_call *login,
    const struct login_card_members *members, const char **out_problem);

/* What the card must have signed: nothing of it is the card's or the body's
 * word but the challenge, and that is authenticated. */
enum err login_card_message(
    const struct login_call *login, struct card_message *out);

/* Looks at login->proof, whoever shows it and whatever will be decided, into
 * login->card. Call it inside the transaction, before identification. */
enum err login_card_look(struct login_call *login, const struct store *store);

/* After the decision, in its transaction: an accept by a new card ends the one
 * that it replaces. */
enum err login_card_end_replaced(struct login_call *login, struct store *store,
    const struct subject *subject);
/* After the decision: what the record says of the card, in login->card_note
 * (NULL when it was not looked at). */
void login_card_note(struct login_call *login, const struct subject *subject);

/*
 * The tags of a challenge that offers cards, in login->tags: CARD_TAGS of
 * them, by value, those of the person's keys among random ones. None while no
 * card is bound to anybody. A stranger's are made by the same steps. Where a
 * challenge asks who it is: CARD_TAGS_SHARED, those of all who share the
 * account, or an empty
 * list if they have more keys than that.
 */
enum err login_card_tags(struct login_call *login, struct store *store,
    const struct policy_answer *permit);

#endif
