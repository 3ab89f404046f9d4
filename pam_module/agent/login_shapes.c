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

void login_shapes_note(struct login_shapes *shapes, const char *service,
    const struct login_challenge *challenge)
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
	pthread_mutex_unlock(&shapes->lock);
}

void login_shapes_pretend(struct login_shapes *shapes, const char *service,
    struct login_challenge *out)
{
	struct secret random = {0};
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
	pthread_mutex_unlock(&shapes->lock);
	if (secret_random(&random,
		sizeof(out->challenge) + sizeof(out->tags)) != ERR_NONE)
		out->tag_count = 0;
	memcpy(out->challenge, random.bytes, sizeof(out->challenge));
	memcpy(out->tags, random.bytes + sizeof(out->challenge),
	    sizeof(out->tags));
	secret_wipe(&random);
}
