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

static struct standing_record *record_get(const pam_handle_t *pamh)
{
	union {
		const void *in;
		struct standing_record *out;
	} data = {.in = NULL};

	/* PAM hands its data out as const; this one is ours to change. */
	if (pam_get_data(pamh, data_name, &data.in) != PAM_SUCCESS)
		return NULL;
	return data.out;
}

struct standing_record *standing_reset(pam_handle_t *pamh)
{
	struct standing_record *record = record_get(pamh);

	if (record) {
		explicit_bzero(record, sizeof(*record));
		return record;
	}
	record = calloc(1, sizeof(*record));
	if (!record)
		return NULL;
	if (pam_set_data(pamh, data_name, record, record_free) == PAM_SUCCESS)
		return record;
	free(record);
	return NULL;
}

const struct standing_record *standing_find(
    pam_handle_t *pamh, const struct caller *caller)
{
	const struct standing_record *record = record_get(pamh);

	if (!record || strcmp(record->caller.user, caller->user) != 0 ||
	    strcmp(record->caller.service, caller->service) != 0)
		return NULL;
	return record;
}

enum standing standing_of(pam_handle_t *pamh, const struct caller *caller)
{
	const struct standing_record *record = record_get(pamh);

	/* An authentication that broke off before it had a name speaks
	 * against everybody. */
	if (record && !record->caller.user[0])
		return STANDING_REFUSED;
	record = standing_find(pamh, caller);
	return record ? record->standing : STANDING_NONE;
}
