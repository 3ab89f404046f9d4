/* SPDX-License-Identifier: Apache-2.0 */
/* Needs server/settings.c. */
/*
 * Configuration files: the server's own table, and one that has every kind of
 * value. Whatever comes in, either the values keep their bounds or there is
 * one printable line that begins with the file's name.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/settings.h"
#include "shared/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct sample {
	int64_t number, duration;
	char text[CONFIG_VALUE_SIZE], path[CONFIG_VALUE_SIZE];
	int choice;
	struct config_list list;
};

static const char *const choices[] = {"sqlite", "postgresql", NULL};

static const struct config_key keys[] = {
    {.section = "server",
	.name = "number",
	.kind = CONFIG_NUMBER,
	.offset = offsetof(struct sample, number),
	.minimum = -5,
	.maximum = 10},
    {.section = "server",
	.name = "text",
	.kind = CONFIG_TEXT,
	.offset = offsetof(struct sample, text)},
    {.section = "server",
	.name = "path",
	.kind = CONFIG_PATH,
	.offset = offsetof(struct sample, path)},
    {.section = "server",
	.name = "list",
	.kind = CONFIG_LIST,
	.offset = offsetof(struct sample, list)},
    {.section = "store",
	.name = "choice",
	.kind = CONFIG_CHOICE,
	.offset = offsetof(struct sample, choice),
	.choices = choices},
    {.section = "store",
	.name = "duration",
	.kind = CONFIG_DURATION,
	.offset = offsetof(struct sample, duration),
	.minimum = 60,
	.maximum = 864000},
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_problem(enum err err, const struct config_problem *problem)
{
	const char *end = memchr(problem->text, '\0', CONFIG_PROBLEM_SIZE);

	require(err == ERR_INVALID || err == ERR_TOO_LONG);
	require(end != NULL);
	require(text_is_line(problem->text, strlen(problem->text)));
	require(strncmp(problem->text, "fuzz.conf:", 10) == 0);
}

static void check_text(const char *text)
{
	const char *end = memchr(text, '\0', CONFIG_VALUE_SIZE);

	require(end != NULL);
	require(text_is_lines(text, (size_t)(end - text)));
}

static void check_list(const struct config_list *list)
{
	require(list->count >= 1 && list->count <= CONFIG_LIST_MAX);
	for (size_t i = 0; i < list->count; i++) {
		check_text(list->items[i]);
		require(list->items[i][0] != '\0');
		require(!strpbrk(list->items[i], " \t\n"));
	}
}

static void check_sample(const struct sample *sample)
{
	require(sample->number >= -5 && sample->number <= 10);
	require(sample->duration >= 60 && sample->duration <= 864000);
	require(sample->choice == 0 || sample->choice == 1);
	require(sample->path[0] == '/' && !strstr(sample->path, "/../"));
	check_text(sample->path);
	check_text(sample->text);
	require(sample->text[0] != '\0');
	check_list(&sample->list);
}

static void check_settings(const struct settings *settings)
{
	require(settings->state_dir[0] == '/');
	require(settings->admin_socket[0] == '/');
	check_text(settings->store);
	check_list(&settings->listen);
	check_list(&settings->server_names);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct sample sample = {
	    .duration = 60, .text = "x", .path = "/", .list = {1, {"x"}}};
	struct settings settings;
	struct config_problem problem;
	enum err err = ERR_INVALID;

	err = config_parse("fuzz.conf", (const char *)bytes, length, keys,
	    sizeof(keys) / sizeof(keys[0]), &sample, &problem);
	if (err)
		check_problem(err, &problem);
	else
		check_sample(&sample);

	err = settings_parse(
	    "fuzz.conf", (const char *)bytes, length, &settings, &problem);
	if (err)
		check_problem(err, &problem);
	else
		check_settings(&settings);
	return 0;
}
