/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/login_shapes.h"

#include <string.h>

#include "shared/secret.h"

/* LOGIN_SHAPES_MAX: not there. */
static size_t find(const struct login_shapes *shapes, const char *service)
{
	size_t i;

	for (i = 0; i < LOGIN_SHAPES_MAX; i++)
		if (strcmp(shapes->entries[i].service, service) == 0)
			break;
	return i;
}

/* LOGIN_SHAPES_SHARED_MAX: not there. */
static size_t find_shared(const struct login_shapes *shapes, const char *user)
{
	size_t i;

	for (i = 0; i < LOGIN_SHAPES_SHARED_MAX; i++)
		if (strcmp(shapes->shared[i], user) == 0)
			break;
	return i;
}

static void note_shared(
    struct login_shapes *shapes, const char *user, bool asks_person)
{
	size_t at = find_shared(shapes, user);
	bool is_there = at < LOGIN_SHAPES_SHARED_MAX;

	if (asks_person == is_there)
		return;
	if (is_there) {
		shapes->shared[at][0] = '\0';
		return;
	}
	at = shapes->next_shared;
	shapes->next_shared = (at + 1) % LOGIN_SHAPES_SHARED_MAX;
	memcpy(shapes->shared[at], user, strnlen(user, NAME_BYTES_MAX) + 1);
}

void login_shapes_note(struct login_shapes *shapes, const char *service,
    const char *user, const struct login_challenge *challenge)
{
	size_t at;

	pthread_mutex_lock(&shapes->lock);
	at = find(shapes, service);
	if (at == LOGIN_SHAPES_MAX) {
		at = shapes->next;
		shapes->next = (at + 1) % LOGIN_SHAPES_MAX;
		memcpy(shapes->entries[at].service, service,
		    strnlen(service, NAME_BYTES_MAX) + 1);
	}
	shapes->entries[at].offers_codes = challenge->offers_codes;
	shapes->entries[at].offers_card = challenge->offers_card;
	shapes->entries[at].tag_count = challenge->tag_count;
	if (user)
		note_shared(shapes, user, challenge->asks_person);
	pthread_mutex_unlock(&shapes->lock);
}

void login_shapes_pretend(struct login_shapes *shapes, const char *service,
    const char *user, struct login_challenge *out)
{
	size_t at;

	memset(out, 0, sizeof(*out));
	out->offers_codes = true;
	pthread_mutex_lock(&shapes->lock);
	at = find(shapes, service);
	if (at < LOGIN_SHAPES_MAX) {
		out->offers_codes = shapes->entries[at].offers_codes;
		out->offers_card = shapes->entries[at].offers_card;
		out->tag_count = shapes->entries[at].tag_count;
	}
	out->asks_person =
	    user && find_shared(shapes, user) < LOGIN_SHAPES_SHARED_MAX;
	pthread_mutex_unlock(&shapes->lock);
	login_shapes_scramble(out);
}

void login_shapes_scramble(struct login_challenge *challenge)
{
	struct secret random = {0};
	enum err err = secret_random(&random, sizeof(challenge->challenge));

	memcpy(
	    challenge->challenge, random.bytes, sizeof(challenge->challenge));
	for (size_t i = 0; i < challenge->tag_count && err == ERR_NONE; i++) {
		err = secret_random(&random, CARD_TAG_BYTES);
		memcpy(challenge->tags[i], random.bytes, CARD_TAG_BYTES);
	}
	if (err != ERR_NONE)
		challenge->tag_count = 0;
	secret_wipe(&random);
}
