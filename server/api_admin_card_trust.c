/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl card trust` and `card distrust`: the CAs whose certificates
 * are believed, and their CRLs. Whose card is whose is in api_admin_card.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/api_admin.h"
#include "shared/encode.h"

enum {
	CERTIFICATE_TEXT_MAX = 32768,
	CRL_TEXT_MAX = HTTP_ADMIN_BODY_BYTES_MAX,
};

/* A CA's worst news first. */
static const char *warning_of(
    const struct admin_job *job, const struct card_authority_row *row)
{
	const char *end = admin_end_warning(job, row->certificate.valid_until);

	if (row->needs_crl && row->crl_until == 0)
		return "CRL missing";
	if (row->needs_crl && row->crl_until <= job->time.now_s)
		return "CRL stale";
	if (row->needs_crl &&
	    card_crl_outlook(row->crl_from, row->crl_until).due <=
		job->time.now_s)
		return "CRL ends soon";
	return end;
}

static json_t *authority_json(
    const struct admin_job *job, const struct card_authority_row *row)
{
	char key[ENCODE_HEX_SIZE(CARD_KEY_BYTES)];

	encode_hex(row->certificate.key, CARD_KEY_BYTES, key);
	return json_pack("{s:s,s:s,s:o,s:o,s:b,s:o,s:o,s:s?,s:o}", "key", key,
	    "subject", row->certificate.subject, "from",
	    admin_time(row->certificate.valid_from), "until",
	    admin_time(row->certificate.valid_until), "needs_crl",
	    row->needs_crl, "crl_from", admin_time(row->crl_from), "crl_until",
	    admin_time(row->crl_until), "warning", warning_of(job, row),
	    "added", admin_time(row->added_at));
}

/* --- finding one --------------------------------------------------------- */

struct search {
	const unsigned char *key;
	bool found;
	struct card_authority_row row;
};

static enum err compare(void *context, const struct card_authority_row *row)
{
	struct search *search = context;

	if (memcmp(row->certificate.key, search->key, CARD_KEY_BYTES) == 0) {
		search->found = true;
		search->row = *row;
	}
	return ERR_NONE;
}

static enum err find(struct store *store,
    const unsigned char key[CARD_KEY_BYTES], struct search *out)
{
	*out = (struct search){.key = key};
	return card_authority_each(store, compare, out);
}

/* --- trust --------------------------------------------------------------- */

/* What was handed over, in DER. */
struct given {
	unsigned char *certificate, *crl;
	size_t certificate_length, crl_length;
	struct card_certificate about;
};

static void free_given(struct given *given)
{
	free(given->certificate);
	free(given->crl);
}

static enum err understand(struct admin_job *job, const unsigned char *ca,
    size_t ca_length, const unsigned char *crl, size_t crl_length,
    struct given *out)
{
	char problem[CARD_PROBLEM_SIZE] = "";
	enum err err = card_authority_read(ca, ca_length, crl, crl_length,
	    job->time.now_s, &out->certificate, &out->certificate_length,
	    &out->crl, &out->crl_length, problem);

	if (err == ERR_INVALID || err == ERR_TOO_LONG)
		return admin_refuse(job, 400, "%s",
		    problem[0] ? problem
			       : "The certificate or CRL is too long.");
	if (!err)
		err = card_certificate_describe(
		    out->certificate, out->certificate_length, &out->about);
	return err;
}

/* Refused if out->certificate stays NULL. */
static enum err read_given(struct admin_job *job, struct given *out)
{
	const struct admin_arguments *a = &job->arguments;
	unsigned char *ca = NULL, *crl = NULL;
	size_t ca_length = 0, crl_length = 0;
	enum err err = admin_take_bytes(
	    job, "certificate", a->certificate, &ca, &ca_length);

	if (!err && !job->status && a->crl)
		err = admin_take_bytes(job, "crl", a->crl, &crl, &crl_length);
	if (!err && !job->status)
		err = understand(job, ca, ca_length, crl, crl_length, out);
	free(ca);
	free(crl);
	return err;
}

/* Nobody may bring back to life what a newer CRL has revoked, nor lose the
 * CRL by leaving it out. */
static bool may_replace(struct admin_job *job,
    const struct card_authority_row *old, const struct given *given)
{
	int64_t from = 0, until = 0;

	if (!given->crl && !job->arguments.no_crl) {
		admin_refuse(job, 409,
		    "This CA is trusted already. Give its CRL (--crl FILE), or "
		    "say --no-crl.");
		return false;
	}
	if (!given->crl)
		return true;
	card_crl_dates(given->crl, given->crl_length, &from, &until);
	if (from >= old->crl_from)
		return true;
	admin_refuse(job, 409,
	    "This CRL is older than the one in force. Fetch today's.");
	return false;
}

static enum err set_authority(
    struct admin_job *job, struct store *store, const struct given *given)
{
	const struct card_authority authority = {
	    .certificate = given->certificate,
	    .certificate_length = given->certificate_length,
	    .needs_crl = !job->arguments.no_crl,
	    .crl = given->crl,
	    .crl_length = given->crl_length,
	};
	struct search search;
	enum err err = find(store, given->about.key, &search);

	if (err || (search.found && !may_replace(job, &search.row, given)))
		return err;
	err = card_authority_set(store, &authority, job->time.now_s);
	if (!err)
		err = find(store, given->about.key, &search);
	return err ? err
		   : admin_answer_as(
			 job, "authority", authority_json(job, &search.row));
}

static enum err count_one(void *context, const struct card_authority_row *row)
{
	(void)row;
	(*(size_t *)context)++;
	return ERR_NONE;
}

/* One more than can be parsed would stop the server from starting. */
static enum err check_room(struct admin_job *job, struct store *store,
    const unsigned char key[CARD_KEY_BYTES])
{
	struct search search;
	size_t count = 0;
	enum err err = find(store, key, &search);

	if (!err)
		err = card_authority_each(store, count_one, &count);
	if (!err && !search.found && count >= CARD_AUTHORITIES_MAX)
		return admin_refuse(job, 409,
		    "There are %d trusted CAs already. `sekimorictl card "
		    "distrust` removes one.",
		    CARD_AUTHORITIES_MAX);
	return err;
}

static enum err card_trust(struct admin_job *job, struct store *store)
{
	struct given given = {0};
	enum err err;

	if (!admin_needs_clock(job))
		return ERR_NONE;
	if (job->arguments.crl && job->arguments.no_crl)
		return admin_refuse(
		    job, 400, "Give a CRL or say --no-crl, not both.");
	err = read_given(job, &given);
	if (!err && given.certificate) {
		admin_note_key(job, given.about.key);
		err = check_room(job, store, given.about.key);
	}
	if (!err && given.certificate && !job->status)
		err = set_authority(job, store, &given);
	free_given(&given);
	return err;
}

/* --- distrust and list -----------------------------------------------------
 */

static enum err card_distrust(struct admin_job *job, struct store *store)
{
	unsigned char key[CARD_KEY_BYTES];
	enum err err;

	if (!admin_read_key(job, key))
		return ERR_NONE;
	err = card_authority_remove(store, key);
	if (err == ERR_NOT_FOUND)
		return admin_refuse(job, 404,
		    "No such CA. `sekimorictl card trust` without a file "
		    "shows all.");
	return err ? err : admin_answer(job, json_object());
}

struct listed {
	const struct admin_job *job;
	json_t *items;
};

static enum err add_item(void *context, const struct card_authority_row *row)
{
	struct listed *listed = context;

	return json_array_append_new(
		   listed->items, authority_json(listed->job, row))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

static enum err card_authorities(struct admin_job *job, struct store *store)
{
	struct listed listed = {job, json_array()};
	enum err err = listed.items
			   ? card_authority_each(store, add_item, &listed)
			   : ERR_MEMORY;

	if (err) {
		json_decref(listed.items);
		return err;
	}
	return admin_answer_as(job, "items", listed.items);
}

const struct admin_verb ADMIN_CARD_TRUST_VERBS[] = {
    {.path = "card/trust",
	.action = "card trust",
	.members = {{"certificate", JSON_MEMBER_LINES,
			ADMIN_OFFSET(certificate), true, 0,
			CERTIFICATE_TEXT_MAX, NULL},
	    {"crl", JSON_MEMBER_LINES, ADMIN_OFFSET(crl), false, 0,
		CRL_TEXT_MAX, NULL},
	    ADMIN_BOOL(no_crl)},
	.run = card_trust,
	.is_long = true},
    {.path = "card/distrust",
	.action = "card distrust",
	.members = {ADMIN_NAME(key, true)},
	.run = card_distrust},
    {.path = "card/authorities", .run = card_authorities, .is_long = true},
    {0},
};
