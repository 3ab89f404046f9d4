/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/arguments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/text.h"

/* What stands before the noun, or anywhere after it. */
struct global_option {
	const char *name, *value, *help;
};
static const struct global_option GLOBALS[] = {
    {"--socket", "PATH", "the server's socket (/run/sekimori/admin.sock)"},
    {"--server", "URL", "the server from another machine: https://HOST:PORT"},
    {"--ca", "FILE", "the CA that has signed its certificate (ca.crt)"},
    {"--json", NULL, "print one JSON object, for programs"},
    {"--yes", NULL, "do not ask before acting"},
    {"--help", NULL, "this text, or that of one command"},
};
enum {
	GLOBAL_COUNT = sizeof(GLOBALS) / sizeof(GLOBALS[0])
};

struct reader {
	const char *const *words;
	size_t count, next;
	struct call *call;
	char *problem;
	size_t positional; /* words after the verb so far */
	bool options_over; /* "--" stood here */
};

/* Fills problem with a sentence; word is escaped, cut and put for {}. */
static enum err say(
    struct reader *reader, const char *sentence, const char *word)
{
	const char *gap = strstr(sentence, "{}");
	char escaped[80];

	text_escape(word, strlen(word), escaped, sizeof(escaped));
	snprintf(reader->problem, ARGUMENTS_PROBLEM_SIZE, "%.*s%s%s",
	    (int)(gap - sentence), sentence, escaped, gap + 2);
	return ERR_INVALID;
}

static const char *take_word(struct reader *reader)
{
	if (reader->next == reader->count)
		return NULL;
	return reader->words[reader->next++];
}

/* Whether words stand at at: "clock accept" takes two. 0: no. */
static size_t match_words(
    const char *words, const char *const *at, size_t count)
{
	size_t used = 0;

	while (*words) {
		size_t length = strcspn(words, " ");

		if (used == count || strlen(at[used]) != length ||
		    strncmp(at[used], words, length) != 0)
			return 0;
		used++;
		words += length + strspn(words + length, " ");
	}
	return used;
}

/* reader->next stands behind noun, at the verb. */
static enum err find_command(struct reader *reader, const char *noun)
{
	bool noun_known = false;

	for (const struct command *c = COMMANDS; c->noun; c++) {
		size_t used;

		if (strcmp(c->noun, noun) != 0)
			continue;
		noun_known = true;
		used = match_words(c->verb, reader->words + reader->next,
		    reader->count - reader->next);
		if (used > 0) {
			reader->call->command = c;
			reader->next += used;
			return ERR_NONE;
		}
	}
	if (!noun_known)
		return say(reader,
		    "There is no `{}`. `sekimorictl --help` shows all "
		    "commands.",
		    noun);
	if (reader->next == reader->count)
		return say(reader,
		    "`{}` needs a verb. `sekimorictl --help` shows all "
		    "commands.",
		    noun);
	return say(reader,
	    "There is no such verb as `{}` here. `sekimorictl --help` shows "
	    "all commands.",
	    reader->words[reader->next]);
}

/* Is word the option name, alone or as NAME=VALUE? */
static bool is_option(const char *word, const char *name, const char **value)
{
	size_t length = strlen(name);

	if (strncmp(word, name, length) != 0)
		return false;
	*value = word[length] == '=' ? word + length + 1 : NULL;
	return word[length] == '\0' || word[length] == '=';
}

/* The value of an option: behind its equals sign or in the next word. */
static enum err take_value(
    struct reader *reader, const char *name, bool takes, const char **value)
{
	if (!takes)
		return *value ? say(reader, "{} takes no value.", name)
			      : ERR_NONE;
	if (!*value)
		*value = take_word(reader);
	if (!*value || !**value)
		return say(reader, "{} needs a value.", name);
	return ERR_NONE;
}

/* https, a host, perhaps a port, and nothing that a reader of URLs might take
 * for something else. */
static bool is_address(const char *url)
{
	static const char scheme[] = "https://";
	static const char fine[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   ".-:[]";
	const char *host = url + sizeof(scheme) - 1;

	return strncmp(url, scheme, sizeof(scheme) - 1) == 0 && *host &&
	       strspn(host, fine) == strlen(host) &&
	       strlen(url) < ARGUMENTS_SERVER_SIZE;
}

static enum err set_way(
    struct reader *reader, const char *name, const char *value)
{
	struct call *call = reader->call;

	if (strcmp(name, "--socket") == 0)
		call->socket_path = value;
	else if (strcmp(name, "--ca") == 0)
		call->ca = value;
	else if (!is_address(value))
		return say(
		    reader, "`{}` is not like https://HOST:PORT.", value);
	else
		call->server = value;
	return ERR_NONE;
}

static enum err take_global(
    struct reader *reader, const char *word, bool *taken)
{
	const char *value;

	*taken = true;
	for (size_t i = 0; i < GLOBAL_COUNT; i++) {
		const char *name = GLOBALS[i].name;

		if (!is_option(word, name, &value))
			continue;
		if (take_value(reader, name, GLOBALS[i].value, &value))
			return ERR_INVALID;
		if (value && set_way(reader, name, value))
			return ERR_INVALID;
		reader->call->json |= strcmp(name, "--json") == 0;
		reader->call->yes |= strcmp(name, "--yes") == 0;
		reader->call->help |= strcmp(name, "--help") == 0;
		return ERR_NONE;
	}
	*taken = false;
	return ERR_NONE;
}

static bool is_choice(const char *choices, const char *value)
{
	size_t length = strlen(value);

	while (*choices) {
		size_t choice = strcspn(choices, "|");

		if (choice == length && memcmp(choices, value, choice) == 0)
			return true;
		choices += choice + (choices[choice] == '|');
	}
	return false;
}

static enum err set_number(struct reader *reader,
    const struct command_parameter *parameter, const char *value)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (errno || *end || end == value || value[0] < '0' || value[0] > '9')
		return say(reader, "{} must be a number.", parameter->name);
	return json_object_set_new(reader->call->members, parameter->member,
		   json_integer(number))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

static enum err set_text(struct reader *reader, json_t *target,
    const char *member, const char *value)
{
	/* jansson refuses what is not UTF-8; so would the server. */
	if (!text_is_utf8(value, strlen(value)))
		return say(reader, "`{}` is not text in UTF-8.", value);
	return json_object_set_new(target, member, json_string(value))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

/* What was said before stays, with a comma behind it. */
static enum err add_to_list(struct reader *reader,
    const struct command_parameter *parameter, const char *value)
{
	json_t *members = reader->call->members;
	json_t *before = json_object_get(members, parameter->member);

	if (!before)
		return set_text(reader, members, parameter->member, value);
	if (!text_is_utf8(value, strlen(value)))
		return say(reader, "`{}` is not text in UTF-8.", value);
	return json_object_set_new(members, parameter->member,
		   json_sprintf("%s,%s", json_string_value(before), value))
		   ? ERR_MEMORY
		   : ERR_NONE;
}

static enum err set_parameter(struct reader *reader,
    const struct command_parameter *parameter, const char *value)
{
	struct call *call = reader->call;

	if (parameter->kind != COMMAND_LIST &&
	    (json_object_get(call->members, parameter->member) ||
		json_object_get(call->locals, parameter->member)))
		return say(reader, "{} stands here twice.", parameter->name);
	if (parameter->choices && !is_choice(parameter->choices, value)) {
		snprintf(reader->problem, ARGUMENTS_PROBLEM_SIZE,
		    "%s is one of %s.", parameter->name, parameter->choices);
		return ERR_INVALID;
	}
	switch (parameter->kind) {
	case COMMAND_TEXT:
	case COMMAND_CODE:
		return set_text(
		    reader, call->members, parameter->member, value);
	case COMMAND_LOCAL:
		return set_text(reader, call->locals, parameter->member, value);
	case COMMAND_LIST:
		return add_to_list(reader, parameter, value);
	case COMMAND_NUMBER:
		return set_number(reader, parameter, value);
	case COMMAND_FLAG:
		return json_object_set_new(
			   call->members, parameter->member, json_true())
			   ? ERR_MEMORY
			   : ERR_NONE;
	case COMMAND_SECRET:
		if (strcmp(value, "-") != 0)
			return say(reader,
			    "{} takes only `-`: an argument can be seen by "
			    "others, so the secret is asked for or read from "
			    "standard input.",
			    parameter->name);
		return set_text(
		    reader, call->members, parameter->member, value);
	}
	return ERR_INVALID;
}

static enum err take_option(struct reader *reader, const char *word)
{
	const struct command_parameter *p = reader->call->command->parameters;
	const char *value;

	for (size_t i = 0; i < COMMAND_PARAMETERS_MAX && p[i].name; i++) {
		if (p[i].name[0] != '-' || !is_option(word, p[i].name, &value))
			continue;
		if (take_value(
			reader, p[i].name, p[i].kind != COMMAND_FLAG, &value))
			return ERR_INVALID;
		return set_parameter(reader, &p[i], value);
	}
	return say(reader, "There is no option {} here.", word);
}

static enum err take_positional(struct reader *reader, const char *word)
{
	const struct command_parameter *p = reader->call->command->parameters;
	size_t seen = 0;

	if (word[0] == '\0')
		return say(reader, "An argument is empty{}.", "");
	for (size_t i = 0; i < COMMAND_PARAMETERS_MAX && p[i].name; i++) {
		if (p[i].name[0] == '-' || seen++ < reader->positional)
			continue;
		if (reader->positional++ == 0 &&
		    (p[i].kind == COMMAND_TEXT || p[i].kind == COMMAND_NUMBER))
			reader->call->subject = word;
		return set_parameter(reader, &p[i], word);
	}
	return say(reader, "`{}` is one word too many.", word);
}

static enum err take_next(struct reader *reader, const char *word)
{
	bool taken = false;
	enum err err = ERR_NONE;

	if (!reader->options_over && strcmp(word, "--") == 0) {
		reader->options_over = true;
		return ERR_NONE;
	}
	if (!reader->options_over && word[0] == '-' && word[1] != '\0') {
		err = take_global(reader, word, &taken);
		if (err || taken)
			return err;
		if (!reader->call->command)
			return say(reader,
			    "There is no option {} before the command.", word);
		return take_option(reader, word);
	}
	if (!reader->call->command)
		return find_command(reader, word);
	return take_positional(reader, word);
}

/* Everything required is there, and every value asked of a person is asked
 * for once only. */
static enum err check_required(struct reader *reader)
{
	const struct call *call = reader->call;
	const struct command_parameter *p = call->command->parameters;

	for (size_t i = 0; i < COMMAND_PARAMETERS_MAX && p[i].name; i++)
		if (p[i].required &&
		    !json_object_get(call->members, p[i].member) &&
		    !json_object_get(call->locals, p[i].member))
			return say(reader, "{} is missing.", p[i].name);
	if (!call->server != !call->ca)
		return say(reader,
		    "--server and --ca {}: the CA says which server to "
		    "believe.",
		    "belong together");
	if (call->yes && call->command->yes_member)
		return json_object_set_new(call->members,
			   call->command->yes_member, json_true())
			   ? ERR_MEMORY
			   : ERR_NONE;
	return ERR_NONE;
}

enum err arguments_read(const char *const *words, size_t count,
    struct call *call, char problem[ARGUMENTS_PROBLEM_SIZE])
{
	struct reader reader = {
	    .words = words, .count = count, .call = call, .problem = problem};
	const char *word;

	*call = (struct call){.socket_path = "/run/sekimori/admin.sock",
	    .members = json_object(),
	    .locals = json_object()};
	problem[0] = '\0';
	if (!call->members || !call->locals)
		return ERR_MEMORY;
	while ((word = take_word(&reader))) {
		enum err err = take_next(&reader, word);

		if (err && !call->help)
			return err;
		if (call->help)
			return ERR_NONE;
	}
	if (!call->command)
		return say(&reader,
		    "A command is missing. `sekimorictl {}` shows all.",
		    "--help");
	return check_required(&reader);
}

void arguments_free(struct call *call)
{
	json_decref(call->members);
	json_decref(call->locals);
	call->members = call->locals = NULL;
}

void arguments_usage(FILE *to, const struct command *command)
{
	const struct command_parameter *p = command->parameters;

	fprintf(to, "sekimorictl %s %s", command->noun, command->verb);
	for (size_t i = 0; i < COMMAND_PARAMETERS_MAX && p[i].name; i++)
		fprintf(to, p[i].required ? " %s%s%s%s" : " [%s%s%s]%s",
		    p[i].name, p[i].value ? " " : "",
		    p[i].value ? p[i].value : "",
		    p[i].kind == COMMAND_LIST ? "..." : "");
	fprintf(to, "\n    %s\n", command->help);
}

void arguments_help(FILE *to)
{
	fputs("sekimorictl [OPTION]... NOUN VERB ...\n\n", to);
	for (size_t i = 0; i < GLOBAL_COUNT; i++)
		fprintf(to, "%s%s%s\n    %s\n", GLOBALS[i].name,
		    GLOBALS[i].value ? " " : "",
		    GLOBALS[i].value ? GLOBALS[i].value : "", GLOBALS[i].help);
	for (const struct command *c = COMMANDS; c->noun; c++) {
		if (c == COMMANDS || strcmp(c[-1].noun, c->noun) != 0)
			fputc('\n', to);
		arguments_usage(to, c);
	}
	fputs("\nDATE and TIME are like 2026-03-31, 2026-03-31T17:15, 17:15, "
	      "R8.3.31 or 令和8年3月31日,\nin the server's time zone unless "
	      "they name one. `-` is asked for or read from\nstandard input. "
	      "Exit: 0 done, 1 refused or the answer is no, 2 usage, 3 cannot "
	      "reach\nthe server, 4 not permitted, 5 waits for approval.\n",
	    to);
}

static void complete_word(
    FILE *to, const char *candidate, size_t length, const char *start)
{
	if (strncmp(candidate, start, strlen(start)) == 0)
		fprintf(to, "%.*s\n", (int)length, candidate);
}

static void complete_choices(FILE *to, const char *choices, const char *start)
{
	while (*choices) {
		size_t length = strcspn(choices, "|");

		complete_word(to, choices, length, start);
		choices += length + (choices[length] == '|');
	}
}

/* Options of a command, or the choices of the option that stands before. */
static void complete_options(FILE *to, const struct command *command,
    const char *before, const char *start)
{
	const struct command_parameter *p = command->parameters;

	for (size_t i = 0; i < COMMAND_PARAMETERS_MAX && p[i].name; i++)
		if (strcmp(p[i].name, before) == 0 && p[i].choices) {
			complete_choices(to, p[i].choices, start);
			return;
		}
	for (size_t i = 0; i < COMMAND_PARAMETERS_MAX && p[i].name; i++)
		if (p[i].name[0] == '-')
			complete_word(to, p[i].name, strlen(p[i].name), start);
}

/* The words of a verb, or what may follow it. words begins behind the noun
 * and its last word is the one being typed. */
static void complete_verb(
    FILE *to, const char *noun, const char *const *words, size_t count)
{
	const char *start = words[count - 1];

	for (const struct command *c = COMMANDS; c->noun; c++) {
		size_t length = strcspn(c->verb, " ");
		size_t used;

		if (strcmp(c->noun, noun) != 0)
			continue;
		if (count == 1) {
			complete_word(to, c->verb, length, start);
			continue;
		}
		used = match_words(c->verb, words, count - 1);
		if (used > 0)
			complete_options(to, c, words[count - 2], start);
		else if (count == 2 && c->verb[length] == ' ' &&
			 strncmp(c->verb, words[0], length) == 0)
			complete_word(to, c->verb + length + 1,
			    strlen(c->verb + length + 1), start);
	}
}

static bool takes_value(const char *option)
{
	for (size_t i = 0; i < GLOBAL_COUNT; i++)
		if (strcmp(GLOBALS[i].name, option) == 0)
			return GLOBALS[i].value != NULL;
	return false;
}

void arguments_complete(FILE *to, const char *const *words, size_t count)
{
	size_t noun = 0;

	if (count == 0)
		return;
	while (noun + 1 < count && words[noun][0] == '-')
		noun += takes_value(words[noun]) ? 2 : 1;
	if (noun + 1 < count) {
		complete_verb(
		    to, words[noun], words + noun + 1, count - noun - 1);
		return;
	}
	if (noun >= count)
		return;
	for (const struct command *c = COMMANDS; c->noun; c++)
		if (c == COMMANDS || strcmp(c[-1].noun, c->noun) != 0)
			complete_word(
			    to, c->noun, strlen(c->noun), words[noun]);
	for (size_t i = 0; i < GLOBAL_COUNT; i++)
		complete_word(
		    to, GLOBALS[i].name, strlen(GLOBALS[i].name), words[noun]);
}
