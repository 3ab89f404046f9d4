/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom an emergency stop reaches: terminals that have joined, from the store,
 * against those that wait for news, which the loop's thread knows alone.
 */
#include <string.h>

#include "server/api_admin.h"
#include "server/waiting.h"

struct wanted {
	json_t *joined;
	const char *only;
};

static enum err add_joined(void *context, const struct terminal *terminal)
{
	const struct wanted *wanted = context;

	if (terminal->state != TERMINAL_JOINED ||
	    (wanted->only && strcmp(wanted->only, terminal->name) != 0))
		return ERR_NONE;
	return json_object_set_new(wanted->joined, terminal->name,
		   json_integer((json_int_t)terminal->id))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

enum err admin_note_joined(
    struct admin_job *job, struct store *store, const char *only)
{
	struct wanted wanted = {json_object(), only};

	if (!wanted.joined)
		return ERR_MEMORY;
	json_decref(job->joined);
	job->joined = wanted.joined;
	return terminal_each(store, add_joined, &wanted);
}

static bool is_connected(const struct admin_job *job, json_t *number)
{
	return number &&
	       waiting_has(job->server->waiting, json_integer_value(number));
}

void admin_tell_reach(struct admin_job *job)
{
	json_t *away = json_array(), *number;
	json_int_t connected = 0;
	const char *name;

	json_object_foreach(job->joined, name, number)
	{
		if (is_connected(job, number))
			connected++;
		else
			json_array_append_new(away, json_string(name));
	}
	json_object_set_new(job->answer, "connected", json_integer(connected));
	json_object_set_new(job->answer, "away", away);
}

void admin_tell_connected(struct admin_job *job)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(job->answer, "items"), i, item)
	{
		const char *name =
		    json_string_value(json_object_get(item, "name"));
		bool revoked =
		    strcmp("revoked",
			json_string_value(json_object_get(item, "state"))) == 0;

		json_object_set_new(item, "connected",
		    json_boolean(
			!revoked &&
			is_connected(job, json_object_get(job->joined, name))));
	}
}
