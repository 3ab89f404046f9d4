/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row per option: its name, the lines it may stand on and the function
 * that takes its value. Each such function returns what is wrong, or NULL.
 */
#include "pam_module/options.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "shared/text.h"

static const char *take_socket(const char *value, struct options *out)
{
	if (value[0] != '/')
		return "must be an absolute path";
	if (strlen(value) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return "path is too long for a socket";
	out->socket = value;
	return NULL;
}

static const char *take_explain(const char *value, struct options *out)
{
	(void)value;
	out->explain = true;
	return NULL;
}

static const char *take_nullok(const char *value, struct options *out)
{
	(void)value;
	out->nullok = true;
	return NULL;
}

static const char *take_appended(const char *value, struct options *out)
{
	if (strcmp(value, "6") != 0 && strcmp(value, "8") != 0)
		return "must be 6 or 8";
	out->appended_digits = (unsigned)(value[0] - '0');
	return NULL;
}

static const char *take_lang(const char *value, struct options *out)
{
	static const struct {
		const char *name;
		enum words_lang lang;
	} rows[] = {
	    {"ja", WORDS_JAPANESE},
	    {"en", WORDS_ENGLISH},
	    {"auto", WORDS_AUTO},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(value, rows[i].name) != 0)
			continue;
		out->lang = rows[i].lang;
		return NULL;
	}
	return "must be ja, en or auto";
}

static const char *take_prompt(const char *value, struct options *out)
{
	if (!text_is_name(value, strlen(value)))
		return "must be UTF-8 without control characters, not empty";
	if (words_columns(value) > WORDS_PROMPT_COLUMNS_MAX)
		return "must not be wider than 24 columns";
	if (strcasestr(value, "password"))
		return "must not hold \"password\": greeters answer such a "
		       "prompt by themselves, with the login password";
	out->prompt = value;
	return NULL;
}

static bool is_service_byte(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
	       byte == '-' || byte == '_' || byte == '.';
}

/* libpam knows services in lower case only, so another one could never
 * match. */
static const char *take_without_auth(const char *value, struct options *out)
{
	bool in_name = false;

	for (const char *p = value; *p; p++) {
		if (*p == ',' && !in_name)
			return "has an empty name";
		if (*p != ',' && !is_service_byte(*p))
			return "must be service names in lower case with "
			       "commas between";
		in_name = *p != ',';
	}
	if (!in_name)
		return "has an empty name";
	out->without_auth = value;
	return NULL;
}

static const struct option_row {
	const char *name; /* ends in '=' if a value follows */
	unsigned places;
	const char *(*take)(const char *value, struct options *out);
} rows[] = {
    {"socket=", OPTIONS_AUTH | OPTIONS_ACCOUNT | OPTIONS_SESSION, take_socket},
    {"explain", OPTIONS_AUTH, take_explain},
    {"appended=", OPTIONS_AUTH, take_appended},
    {"nullok", OPTIONS_AUTH, take_nullok},
    {"lang=", OPTIONS_AUTH, take_lang},
    {"prompt=", OPTIONS_AUTH, take_prompt},
    {"without_auth=", OPTIONS_ACCOUNT, take_without_auth},
};

enum {
	ROW_COUNT = sizeof(rows) / sizeof(rows[0])
};

static size_t row_find(const char *argument, const char **out_value)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		size_t length = strlen(rows[i].name);
		bool has_value = rows[i].name[length - 1] == '=';

		if (strncmp(argument, rows[i].name, length) != 0)
			continue;
		if (!has_value && argument[length] != '\0')
			continue;
		*out_value = argument + length;
		return i;
	}
	return ROW_COUNT;
}

/* Returns what is wrong with one argument, or NULL. */
static const char *argument_take(const char *argument, enum options_place place,
    uint32_t *seen, struct options *out)
{
	const char *value = NULL;
	size_t row = row_find(argument, &value);

	if (row == ROW_COUNT)
		return "unknown option";
	if (!(rows[row].places & place))
		return "does not belong on this kind of line";
	if (*seen & (UINT32_C(1) << row))
		return "given twice";
	*seen |= UINT32_C(1) << row;
	return rows[row].take(value, out);
}

enum err options_parse(int argc, const char *const *argv,
    enum options_place place, options_reporter *report, void *context,
    struct options *out)
{
	struct options fresh = {.socket = OPTIONS_SOCKET_DEFAULT};
	enum err result = ERR_NONE;
	uint32_t seen = 0;

	for (int i = 0; i < argc; i++) {
		const char *reason =
		    argument_take(argv[i], place, &seen, &fresh);

		if (!reason)
			continue;
		report(context, argv[i], reason);
		result = ERR_INVALID;
	}
	if (fresh.explain && fresh.appended_digits) {
		report(context, "explain",
		    "cannot stand with appended=: the code is cut off before "
		    "the first factor is proven");
		result = ERR_INVALID;
	}
	if (result == ERR_NONE)
		*out = fresh;
	return result;
}

bool options_lists_service(const struct options *options, const char *service)
{
	size_t length = strlen(service);
	const char *p = options->without_auth;

	while (p && *p) {
		size_t word = strcspn(p, ",");

		if (word == length && memcmp(p, service, length) == 0)
			return true;
		p += word;
		p += *p == ',';
	}
	return false;
}
