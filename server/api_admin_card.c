/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl card`: whose key is whose. Inviting, enrolling, listing and
 * revoking; which CAs are believed is in api_admin_card_trust.c. A key is
 * named by the SHA-256 of its SubjectPublicKeyInfo, never by what its
 * certificate says of itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/api_admin.h"
#include "server/card_invitation_code.h"
#include "shared/encode.h"

enum {
	DAY_S = 86400,
	WARN_SOON_DAYS = 30,
	WARN_EARLY_DAYS = 90,
	CERTIFICATE_TEXT_MAX = 32768,
	CARD_PAGE = 100, /* each certificate is read and judged */
};

/* --- what the verbs of cards share -----------------------------------------
 */

static bool is_pem(const char *text)
{
	return strstr(text, "-----BEGIN ") != NULL;
}

enum err admin_take_bytes(struct admin_job *job, const char *name,
    const char *text, unsigned char **out, size_t *out_length)
{
	size_t text_length = strlen(text), length = text_length;
	unsigned char *bytes = malloc(text_length + 1);

	if (!bytes)
		return ERR_MEMORY;
	if (is_pem(text)) {
		memcpy(bytes, text, text_length);
	} else if (decode_base64(
		       text, text_length, bytes, text_length, &length)) {
		free(bytes);
		return admin_refuse(
		    job, 400, "%s is neither PEM nor DER in base64.", name);
	}
	*out = bytes;
	*out_length = length;
	return ERR_NONE;
}

bool admin_read_key(struct admin_job *job, unsigned char out[CARD_KEY_BYTES])
{
	const char *text = job->arguments.key;
	size_t length = 0;

	if (decode_hex(text, strlen(text), out, CARD_KEY_BYTES, &length) ==
		ERR_NONE &&
	    length == CARD_KEY_BYTES) {
		admin_note_key(job, out);
		return true;
	}
	admin_refuse(job, 400,
	    "A key is named by 64 hexadecimal digits, as `sekimorictl card "
	    "list` shows them.");
	return false;
}

void admin_note_key(
    struct admin_job *job, const unsigned char key[CARD_KEY_BYTES])
{
	encode_hex(key, sizeof(job->card_key) / 2, job->card_key);
}

static int64_t days_left(const struct admin_job *job, int64_t until)
{
	return until <= job->time.now_s ? 0 : (until - job->time.now_s) / DAY_S;
}

const char *admin_end_warning(const struct admin_job *job, int64_t until)
{
	int64_t left = until - job->time.now_s;

	if (left <= 0)
		return "ended";
	if (left <= WARN_SOON_DAYS * (int64_t)DAY_S)
		return "ends within 30 days";
	return left <= WARN_EARLY_DAYS * (int64_t)DAY_S ? "ends within 90 days"
							: NULL;
}

json_t *admin_card_json(const struct admin_job *job, const struct store *store,
    const struct card *card)
{
	const struct card_certificate *c = &card->certificate;
	char key[ENCODE_HEX_SIZE(CARD_KEY_BYTES)];
	bool active = card->state == CARD_STATE_ACTIVE;
	enum card_standing standing =
	    card_certificate_stand(store->card_authorities, card->der,
		card->der_length, job->time.now_s);

	encode_hex(c->key, CARD_KEY_BYTES, key);
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:I,s:s?,s:o,s:o}",
	    "key", key, "user", card->user, "subject", c->subject, "issuer",
	    c->issuer, "state", active ? "active" : "revoked", "standing",
	    card_standing_text(standing), "from", admin_time(c->valid_from),
	    "until", admin_time(c->valid_until), "days_left",
	    (json_int_t)days_left(job, c->valid_until), "warning",
	    active ? admin_end_warning(job, c->valid_until) : NULL, "enrolled",
	    admin_time(card->enrolled_at), "last_used",
	    admin_time(card->last_used_at));
}

/* --- one for another -------------------------------------------------------
 */

/* Which of a person's cards the new one is to replace; refuses and returns
 * false. 0: none was named. */
static enum err find_replaced(struct admin_job *job, struct store *store,
    const struct person *person, int64_t *out_id, bool *out_found)
{
	const char *text = job->arguments.replaces;
	unsigned char key[CARD_KEY_BYTES];
	struct card card;
	size_t length = 0;
	enum err err;

	*out_id = 0;
	*out_found = text == NULL;
	if (!text)
		return ERR_NONE;
	err = decode_hex(text, strlen(text), key, CARD_KEY_BYTES, &length);
	if (err == ERR_NONE && length == CARD_KEY_BYTES)
		err = card_find(store, key, &card);
	else
		err = ERR_NOT_FOUND;
	if (err != ERR_NONE && err != ERR_NOT_FOUND)
		return err;
	*out_found = err == ERR_NONE && card.person_id == person->id &&
		     card.state == CARD_STATE_ACTIVE;
	if (*out_found)
		*out_id = card.id;
	else
		admin_refuse(job, 409,
		    "%s has no such card to be replaced. `sekimorictl card "
		    "list %s` shows the keys.",
		    person->user, person->user);
	return ERR_NONE;
}

/* --- invite -------------------------------------------------------------- */

static enum err hand_out_invitation(struct admin_job *job, struct store *store,
    const struct person *person, int64_t replaced)
{
	int64_t until = job->time.now_s + CARD_INVITATION_LIFETIME_S;
	char code[CARD_INVITATION_CODE_SIZE] = "";
	unsigned char hash[CARD_INVITATION_HASH_BYTES];
	enum err err = card_invitation_code_new(code);

	if (!err)
		err = card_invitation_code_hash(store, code, hash);
	if (!err)
		err = card_invite(store, person->id, hash, until);
	if (!err && replaced)
		err = card_invitation_replaces(store, person->id, replaced);
	if (!err)
		err = admin_answer(job, json_pack("{s:s,s:I}", "code", code,
					    "until", (json_int_t)until));
	secret_wipe_bytes(code, sizeof(code));
	return err;
}

static enum err card_invite_verb(struct admin_job *job, struct store *store)
{
	int64_t replaced = 0;
	struct person person;
	bool found = false;
	enum err err =
	    admin_find_person(job, store, job->arguments.id, &person, &found);

	if (err || !found || !admin_needs_clock(job))
		return err;
	err = find_replaced(job, store, &person, &replaced, &found);
	if (err || !found)
		return err;
	return hand_out_invitation(job, store, &person, replaced);
}

/* --- enroll -------------------------------------------------------------- */

struct given {
	struct card_certificate certificate;
	unsigned char *der;
	size_t length;
};

static enum err read_given(struct admin_job *job, struct given *out)
{
	char problem[CARD_PROBLEM_SIZE] = "";
	unsigned char *bytes = NULL;
	size_t length = 0;
	enum err err = admin_take_bytes(
	    job, "certificate", job->arguments.certificate, &bytes, &length);

	if (err || !bytes)
		return err;
	err = card_certificate_read(
	    bytes, length, &out->certificate, &out->der, &out->length, problem);
	free(bytes);
	if (err == ERR_INVALID || err == ERR_TOO_LONG)
		return admin_refuse(job, 400, "%s",
		    problem[0] ? problem : "The certificate is too long.");
	return err;
}

static enum err refuse_taken(
    struct admin_job *job, struct store *store, const struct given *given)
{
	struct card card;
	enum err err = card_find(store, given->certificate.key, &card);

	if (err)
		return err;
	return admin_refuse(job, 409,
	    "This card belongs to %s. `sekimorictl card revoke` ends that.",
	    card.user);
}

static enum err answer_enrolled(
    struct admin_job *job, struct store *store, const struct given *given)
{
	enum card_standing standing =
	    card_certificate_stand(store->card_authorities, given->der,
		given->length, job->time.now_s);
	struct card card;
	enum err err = card_find(store, given->certificate.key, &card);

	if (err)
		return err;
	return admin_answer(
	    job, json_pack("{s:o,s:b,s:s}", "card",
		     admin_card_json(job, store, &card), "trusted",
		     standing != CARD_UNTRUSTED && standing != CARD_FORGED,
		     "standing", card_standing_text(standing)));
}

static enum err bind_key(struct admin_job *job, struct store *store,
    const struct person *person, const struct given *given, int64_t replaced)
{
	enum err err = card_bind(store, person->id, &given->certificate,
	    given->der, given->length, job->time.now_s);

	if (err == ERR_EXISTS)
		return refuse_taken(job, store, given);
	if (err == ERR_FULL)
		return admin_refuse(job, 409,
		    "%s has %d cards already. Revoke one that is no longer "
		    "used.",
		    person->user, SUBJECT_CARDS_MAX);
	if (!err && replaced)
		err = card_replaces(store, given->certificate.key, replaced);
	return err ? err : answer_enrolled(job, store, given);
}

static enum err card_enroll(struct admin_job *job, struct store *store)
{
	struct given given = {0};
	int64_t replaced = 0;
	struct person person;
	bool found = false;
	enum err err =
	    admin_find_person(job, store, job->arguments.id, &person, &found);

	if (err || !found || !admin_needs_clock(job))
		return err;
	err = find_replaced(job, store, &person, &replaced, &found);
	if (err || !found)
		return err;
	err = read_given(job, &given);
	if (!err && given.der) {
		admin_note_key(job, given.certificate.key);
		err = bind_key(job, store, &person, &given, replaced);
	}
	free(given.der);
	return err;
}

/* --- list and revoke -------------------------------------------------------
 */

struct listed {
	struct admin_job *job;
	struct store *store;
	json_t *items;
	size_t seen;
	int64_t last;
};

static enum err add_item(void *context, const struct card *card)
{
	struct listed *listed = context;
	bool sees = false;
	enum err err = admin_sees_holder(
	    listed->job, listed->store, card->person_id, &sees);

	listed->seen++;
	listed->last = card->id;
	if (err || !sees)
		return err;
	return json_array_append_new(listed->items,
		   admin_card_json(listed->job, listed->store, card))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

static enum err answer_list(struct admin_job *job, struct listed *listed)
{
	char following[32];
	bool more = !job->arguments.id && listed->seen == CARD_PAGE;

	snprintf(following, sizeof(following), "%lld", (long long)listed->last);
	return admin_answer(job, json_pack("{s:O,s:s?}", "items", listed->items,
				     "following", more ? following : NULL));
}

static enum err card_list(struct admin_job *job, struct store *store)
{
	const char *after = job->arguments.following;
	struct listed listed = {.job = job, .store = store};
	struct person person;
	bool found = true;
	enum err err = ERR_NONE;

	if (job->arguments.id)
		err = admin_find_person(
		    job, store, job->arguments.id, &person, &found);
	if (err || !found)
		return err;
	listed.items = json_array();
	if (!listed.items)
		return ERR_MEMORY;
	err = job->arguments.id
		  ? card_each(store, person.id, add_item, &listed)
		  : card_each_after(store, after ? strtoll(after, NULL, 10) : 0,
			CARD_PAGE, add_item, &listed);
	if (!err)
		err = answer_list(job, &listed);
	json_decref(listed.items);
	return err;
}

static enum err card_revoke_verb(struct admin_job *job, struct store *store)
{
	unsigned char key[CARD_KEY_BYTES];
	struct card card;
	bool may = false;
	enum err err;

	if (!admin_read_key(job, key))
		return ERR_NONE;
	err = card_find(store, key, &card);
	if (err == ERR_NOT_FOUND)
		return admin_refuse(job, 404,
		    "No such card. `sekimorictl card list` shows all.");
	if (err)
		return err;
	snprintf(job->user, sizeof(job->user), "%s", card.user);
	err = admin_check_holder(job, store, card.person_id, &may);
	if (err || !may)
		return err;
	if (card.state == CARD_STATE_ACTIVE) {
		err = card_revoke(store, card.id);
		card.state = CARD_STATE_REVOKED;
	}
	return err ? err
		   : admin_answer_as(
			 job, "card", admin_card_json(job, store, &card));
}

const struct admin_verb ADMIN_CARD_VERBS[] = {
    {.path = "card/invite",
	.roles = ADMIN_ENROLLERS,
	.by_department = true,
	.action = "card invite",
	.members = {ADMIN_NAME(id, true), ADMIN_NAME(replaces, false)},
	.run = card_invite_verb},
    {.path = "card/enroll",
	.roles = ADMIN_ENROLLERS,
	.by_department = true,
	.action = "card enroll",
	.members = {ADMIN_NAME(id, true),
	    {"certificate", JSON_MEMBER_LINES, ADMIN_OFFSET(certificate), true,
		0, CERTIFICATE_TEXT_MAX, NULL},
	    ADMIN_NAME(replaces, false)},
	.run = card_enroll},
    {.path = "card/list",
	.roles = ADMIN_ENROLLERS,
	.by_department = true,
	.members = {ADMIN_NAME(id, false), ADMIN_NAME(following, false)},
	.run = card_list,
	.is_long = true},
    {.path = "card/revoke",
	.roles = ADMIN_ENROLLERS,
	.by_department = true,
	.action = "card revoke",
	.members = {ADMIN_NAME(key, true)},
	.run = card_revoke_verb},
    {0},
};
