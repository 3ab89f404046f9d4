/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record is made once per handle and changed in place afterwards, so
 * that taking a success back needs no memory and cannot fail.
 */
#include "pam_module/standing.h"

#include <stdlib.h>
#include <string.h>

static const char data_name[] = "sekimori_standing";

static void record_free(pam_handle_t *pamh, void *data, int status)
{
	(void)pamh;
	(void)status;
	if (data)
		explicit_bzero(data, sizeof(struct standing_record));
	free(data);
}

/* ERR_NOT_FOUND where no authentication ran in this handle: only PAM's own
 * word for that counts as that, because account may excuse it. */
static enum err record_get(
    const pam_handle_t *pamh, struct standing_record **out)
{
	/* PAM hands its data out as const; this one is ours to change. */
	union {
		const void *in;
		struct standing_record *out;
	} data = {.in = NULL};
	int code = pam_get_data(pamh, data_name, &data.in);

	if (code == PAM_NO_MODULE_DATA)
		return ERR_NOT_FOUND;
	if (code != PAM_SUCCESS || !data.in)
		return ERR_IO;
	*out = data.out;
	return ERR_NONE;
}

struct standing_record *standing_reset(pam_handle_t *pamh)
{
	struct standing_record *record = NULL;
	enum err err = record_get(pamh, &record);

	if (err == ERR_NONE) {
		explicit_bzero(record, sizeof(*record));
		return record;
	}
	if (err != ERR_NOT_FOUND)
		return NULL;
	record = calloc(1, sizeof(*record));
	if (!record)
		return NULL;
	if (pam_set_data(pamh, data_name, record, record_free) == PAM_SUCCESS)
		return record;
	free(record);
	return NULL;
}

static bool is_for(
    const struct standing_record *record, const struct caller *caller)
{
	return strcmp(record->caller.user, caller->user) == 0 &&
	       strcmp(record->caller.service, caller->service) == 0;
}

const struct standing_record *standing_find(
    pam_handle_t *pamh, const struct caller *caller)
{
	struct standing_record *record = NULL;

	if (record_get(pamh, &record) != ERR_NONE || !is_for(record, caller))
		return NULL;
	return record;
}

enum standing standing_of(pam_handle_t *pamh, const struct caller *caller)
{
	struct standing_record *record = NULL;
	enum err err = record_get(pamh, &record);

	if (err == ERR_NOT_FOUND)
		return STANDING_NONE;
	/* An authentication that broke off before it had a name speaks
	 * against everybody. */
	if (err != ERR_NONE || !record->caller.user[0])
		return STANDING_REFUSED;
	return is_for(record, caller) ? record->standing : STANDING_NONE;
}
