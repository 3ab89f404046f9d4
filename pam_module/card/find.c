/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/card/find.h"

#include <string.h>

struct search {
	const struct card_wanted *wanted;
	int64_t now_s;
	struct card_key *best; /* zero until there is one */
	bool has_best, is_over, is_several;
	bool has_started; /* a module answers */
	bool has_trouble, has_card;
};

static bool has_wanted_tag(
    const struct card_wanted *wanted, const struct identity *identity)
{
	unsigned char tag[CARD_TAG_BYTES];

	if (card_tag(wanted->challenge, identity->key, tag) != ERR_NONE)
		return false;
	for (size_t i = 0; i < wanted->tag_count; i++)
		if (memcmp(tag, wanted->tags[i], CARD_TAG_BYTES) == 0)
			return true;
	return false;
}

static bool would_do(
    const struct search *search, const struct identity *identity)
{
	if (search->wanted->tag_count > 0)
		return has_wanted_tag(search->wanted, identity);
	return identity->authenticates &&
	       identity_is_in_time(identity, search->now_s);
}

/* Another certificate of the same key, or one out of time, may give way. */
static bool is_better(
    const struct search *search, const struct identity *identity)
{
	const struct identity *best = &search->best->certificate.identity;
	bool in_time = identity_is_in_time(identity, search->now_s);

	if (in_time != identity_is_in_time(best, search->now_s))
		return in_time;
	return identity->until > best->until;
}

static bool is_kept(const struct search *search, const struct token *token)
{
	return search->has_best &&
	       search->best->token.functions == token->functions &&
	       search->best->token.session == token->session;
}

/* Of two keys on one card the one that is for documents as well gives way, as
 * a PIV card's does. */
static bool gives_way(const struct identity *one, const struct identity *other)
{
	return one->signs_documents && !other->signs_documents;
}

static bool is_same_key(
    const struct identity *one, const struct identity *other)
{
	return memcmp(one->key, other->key, CARD_HASH_BYTES) == 0;
}

/* Whether identity takes the place of the best so far, or there are several:
 * two cards always are, whatever is on them. */
static bool replaces(struct search *search, const struct token *token,
    const struct identity *identity)
{
	const struct identity *best = &search->best->certificate.identity;

	if (search->wanted->tag_count > 0 || is_same_key(identity, best))
		return is_better(search, identity);
	if (!is_kept(search, token) ||
	    identity->signs_documents == best->signs_documents)
		search->is_several = search->is_over = true;
	return !search->is_several && gives_way(best, identity);
}

/* True: token and certificate are kept, by search. */
static bool consider(struct search *search, const struct token *token,
    const struct token_certificate *certificate)
{
	const struct identity *identity = &certificate->identity;
	bool by_tag = search->wanted->tag_count > 0;

	if (!would_do(search, identity))
		return false;
	if (search->has_best) {
		if (!replaces(search, token, identity))
			return false;
		identity_free(&search->best->certificate.identity);
		if (!is_kept(search, token))
			token_close(&search->best->token);
	}
	*search->best = (struct card_key){*token, *certificate};
	search->has_best = true;
	search->is_over =
	    by_tag && identity_is_in_time(identity, search->now_s);
	return true;
}

static void search_token(struct search *search, struct token *token)
{
	struct token_objects objects = {0};
	struct token_certificate certificate = {0};

	if (!token_certificates(token, &objects))
		search->has_trouble = true;
	for (size_t i = 0; i < objects.count && !search->is_over; i++) {
		enum err err =
		    token_certificate(token, objects.list[i], &certificate);

		if (err == ERR_IO)
			search->has_trouble = true;
		if (err == ERR_NONE && !consider(search, token, &certificate))
			identity_free(&certificate.identity);
	}
	if (!is_kept(search, token))
		token_close(token);
}

static void search_slot(
    struct search *search, CK_FUNCTION_LIST *functions, CK_SLOT_ID slot)
{
	struct token token = {0};

	switch (token_open(functions, slot, &token)) {
	case CARD_TROUBLE:
		search->has_trouble = true;
		return;
	case CARD_ABSENT:
		return;
	case CARD_OTHER:
	case CARD_SEVERAL:
		search->has_card = true;
		return;
	case CARD_PRESENT:
		search->has_card = true;
		search_token(search, &token);
		return;
	}
}

/* A module that does not start has no reader to speak of. */
static void search_module(struct search *search, CK_FUNCTION_LIST *functions)
{
	CK_SLOT_ID slots[TOKEN_SLOTS_MAX];
	size_t count = 0;

	if (!module_start(functions))
		return;
	search->has_started = true;
	if (!token_slots(functions, slots, &count)) {
		search->has_trouble = true;
		return;
	}
	for (size_t i = 0; i < count && !search->is_over; i++)
		search_slot(search, functions, slots[i]);
}

static enum card_presence presence_of(const struct search *search)
{
	if (search->is_several)
		return CARD_SEVERAL;
	if (search->has_best)
		return CARD_PRESENT;
	if (search->has_trouble || !search->has_started)
		return CARD_TROUBLE;
	return search->has_card ? CARD_OTHER : CARD_ABSENT;
}

struct card_seen find_key(const struct modules *modules,
    const struct card_wanted *wanted, int64_t now_s, struct card_key *out)
{
	struct card_key best = {0};
	struct search search = {
	    .wanted = wanted, .now_s = now_s, .best = &best};
	enum card_presence presence;
	struct card_seen seen;

	for (size_t i = 0; i < modules->count && !search.is_over; i++)
		search_module(&search, modules->list[i]);
	presence = presence_of(&search);
	if (presence != CARD_PRESENT) {
		card_key_free(&best);
		return (struct card_seen){
		    .presence = presence, .tries_left = -1};
	}
	seen = best.token.opened;
	seen.presence = CARD_PRESENT;
	seen.valid_until = best.certificate.identity.until;
	memcpy(seen.key, best.certificate.identity.key, sizeof(seen.key));
	*out = best;
	return seen;
}

void card_key_free(struct card_key *key)
{
	token_close(&key->token);
	identity_free(&key->certificate.identity);
	memset(key, 0, sizeof(*key));
}
