/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/boot_file.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "pam_module/agent/state.h"

enum {
	BOOT_SIZE = 33
};

struct members {
	const char *boot;
	json_t *list;
};

static enum err this_boot(char out[BOOT_SIZE])
{
	sd_id128_t boot;

	if (sd_id128_get_boot(&boot) < 0)
		return ERR_IO;
	sd_id128_to_string(boot, out);
	return ERR_NONE;
}

static char *print(
    const struct boot_file *file, const void *items, size_t count)
{
	char boot[BOOT_SIZE], *text = NULL;
	json_t *array = json_array(), *object = NULL;
	bool whole = array && this_boot(boot) == ERR_NONE;

	for (size_t i = 0; whole && i < count; i++)
		whole =
		    json_array_append_new(array, file->print(items, i)) == 0;
	if (whole)
		object =
		    json_pack("{s:s, s:O}", "boot", boot, file->list, array);
	if (object)
		text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	json_decref(array);
	return text;
}

enum err boot_file_write(const struct boot_file *file, const char *directory,
    const void *items, size_t count)
{
	char *text;
	enum err err;

	if (count == 0)
		return state_remove(directory, file->name);
	text = print(file, items, count);
	if (!text)
		return ERR_MEMORY;
	err = state_write(directory, file->name, 0600, text, strlen(text));
	free(text);
	return err;
}

static enum err take_file(const struct boot_file *file, json_t *object,
    void *items, size_t *out_count)
{
	const struct json_member table[] = {
	    {"boot", JSON_MEMBER_NAME, offsetof(struct members, boot), true, 0,
		0, NULL},
	    {file->list, JSON_MEMBER_ARRAY, offsetof(struct members, list),
		true, 0, (int64_t)file->count_max, NULL},
	};
	struct members members = {0};
	struct json_problem problem;
	char boot[BOOT_SIZE];
	size_t count;
	enum err err = this_boot(boot);

	if (err == ERR_NONE &&
	    json_take(object, table, 2, true, &members, &problem) != ERR_NONE)
		err = ERR_CORRUPT;
	if (err != ERR_NONE || strcmp(members.boot, boot) != 0)
		return err;
	count = json_array_size(members.list);
	for (size_t i = 0; err == ERR_NONE && i < count; i++)
		err = file->take(json_array_get(members.list, i), items, i);
	if (err == ERR_NONE)
		*out_count = count;
	return err;
}

enum err boot_file_read(const struct boot_file *file, const char *directory,
    void *items, size_t *out_count)
{
	struct json_problem problem;
	json_t *object = NULL;
	char *text = NULL;
	size_t length = 0;
	enum err err = state_read(directory, file->name, &text, &length);

	*out_count = 0;
	if (err == ERR_NOT_FOUND)
		return ERR_NONE;
	if (err == ERR_NONE &&
	    json_read(text, length, &object, &problem) != ERR_NONE)
		err = ERR_CORRUPT;
	free(text);
	if (err == ERR_NONE)
		err = take_file(file, object, items, out_count);
	json_decref(object);
	return err;
}
