/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimorictl report inventory`, the cards in it: as items like those of
 * tokens, so that a stocktaking has one list. Tokens are in
 * api_admin_token_list.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "server/api_admin.h"
#include "server/token_remarks.h"
#include "shared/encode.h"

enum {
	CARDS_PAGE = 100, /* each certificate is read */
	SHOWN_BYTES = 8,  /* of a key: enough to tell cards apart */
	DAY_S = 24 * 3600,
};

struct listed {
	struct admin_job *job;
	struct store *store;
	json_t *items;
	size_t seen;
	int64_t last;
};

static const char *remark_of(const struct admin_job *job,
    const struct card *card, const struct person *holder)
{
	int64_t now_s = job->time.now_s;
	int64_t used = card->last_used_at > card->enrolled_at
			   ? card->last_used_at
			   : card->enrolled_at;

	if (holder->state == PERSON_REMOVED ||
	    (holder->valid_until != 0 && now_s >= holder->valid_until))
		return "holder left";
	if (holder->state == PERSON_SUSPENDED)
		return "holder suspended";
	if (card->certificate.valid_until <= now_s)
		return "ended";
	return now_s - used >= TOKEN_UNUSED_DAYS * (int64_t)DAY_S ? "unused"
								  : NULL;
}

static json_t *describe(const struct admin_job *job, const struct card *card,
    const struct person *holder)
{
	char key[ENCODE_HEX_SIZE(SHOWN_BYTES)];

	encode_hex(card->certificate.key, SHOWN_BYTES, key);
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:s?}", "kind",
	    "card", "serial", key, "user", holder->user, "name", holder->name,
	    "department", holder->department, "state", "active", "created",
	    admin_time(card->enrolled_at), "confirmed",
	    admin_time(card->enrolled_at), "last_used",
	    admin_time(card->last_used_at), "remark",
	    remark_of(job, card, holder));
}

static enum err add_card(void *context, const struct card *card)
{
	struct listed *listed = context;
	const char *department = listed->job->arguments.department;
	struct person holder;
	bool sees = false;
	enum err err;

	listed->seen++;
	listed->last = card->id;
	if (card->state != CARD_STATE_ACTIVE)
		return ERR_NONE;
	err = admin_sees_holder(
	    listed->job, listed->store, card->person_id, &sees);
	if (err || !sees)
		return err;
	err = person_by_id(listed->store, card->person_id, &holder);
	if (err || (department && !person_in_department(&holder, department)))
		return err;
	return json_array_append_new(
		   listed->items, describe(listed->job, card, &holder))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

static enum err report_cards(struct admin_job *job, struct store *store)
{
	const char *after = job->arguments.following;
	struct listed listed = {
	    .job = job, .store = store, .items = json_array()};
	char following[32];
	enum err err = ERR_MEMORY;

	if (listed.items)
		err =
		    card_each_after(store, after ? strtoll(after, NULL, 10) : 0,
			CARDS_PAGE, add_card, &listed);
	snprintf(following, sizeof(following), "%lld", (long long)listed.last);
	if (!err)
		err = admin_answer(job,
		    json_pack("{s:O,s:s?}", "items", listed.items, "following",
			listed.seen == CARDS_PAGE ? following : NULL));
	json_decref(listed.items);
	return err;
}

const struct admin_verb ADMIN_INVENTORY_VERBS[] = {
    {.path = "report/inventory-cards",
	.roles = ADMIN_DELEGATES,
	.by_department = true,
	.members = {ADMIN_NAME(department, false),
	    ADMIN_NAME(following, false)},
	.run = report_cards,
	.is_long = true},
    {0},
};
