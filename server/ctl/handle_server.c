/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands about persons, rules and the server itself that show more than
 * one table or touch files here. Files are opened by sekimorictl, never by
 * the daemon.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/ctl/client.h"
#include "server/ctl/commands.h"

enum {
	POLICY_FILE_BYTES_MAX = 65536
};

static const struct output_column THROTTLE_COLUMNS[] = {
    {"FACTOR", "factor", OUTPUT_TEXT},
    {"TERMINAL", "terminal", OUTPUT_TEXT},
    {"FAILURES", "failures", OUTPUT_NUMBER},
    {"WAIT UNTIL", "wait_until", OUTPUT_TIME},
    {"STATE", "state", OUTPUT_TEXT},
    {0},
};
static const struct output_column PERSON_TOKEN_COLUMNS[] = {
    {"SERIAL", "serial", OUTPUT_TEXT},
    {"TYPE", "type", OUTPUT_TEXT},
    {"STATE", "state", OUTPUT_TEXT},
    {"LAST USED", "last_used", OUTPUT_TIME},
    {"UNTIL", "until", OUTPUT_TIME},
    {0},
};

static const struct output_column PERSON_CARD_COLUMNS[] = {
    {"SUBJECT", "subject", OUTPUT_TEXT},
    {"STATE", "state", OUTPUT_TEXT},
    {"STANDING", "standing", OUTPUT_TEXT},
    {"UNTIL", "until", OUTPUT_TIME},
    {"WARNING", "warning", OUTPUT_TEXT},
    {"LAST USED", "last_used", OUTPUT_TIME},
    {"KEY", "key", OUTPUT_TEXT},
    {0},
};

static const struct output_column SHARER_COLUMNS[] = {
    {"ID", "id", OUTPUT_TEXT},
    {"NAME", "name", OUTPUT_TEXT},
    {"DEPARTMENT", "department", OUTPUT_TEXT},
    {"STATE", "state", OUTPUT_TEXT},
    {0},
};

int handle_user_show(struct call *call, struct client *client)
{
	json_t *answer = NULL, *part;
	int code = call_ask(call, client, &answer);

	if (code != EXIT_DONE)
		return code;
	call_show(call, answer);
	if (!call->json) {
		part = json_object_get(answer, "shared_with");
		if (json_array_size(part) > 0) {
			puts("\nThe account is shared with");
			output_table(stdout, part, SHARER_COLUMNS);
		}
		part = json_object_get(answer, "tokens");
		if (json_array_size(part) > 0) {
			puts("\nTokens");
			output_table(stdout, part, PERSON_TOKEN_COLUMNS);
		}
		part = json_object_get(answer, "cards");
		if (json_array_size(part) > 0) {
			puts("\nCards");
			output_table(stdout, part, PERSON_CARD_COLUMNS);
		}
		part = json_object_get(answer, "throttles");
		if (json_array_size(part) > 0) {
			puts("\nFailures in a row");
			output_table(stdout, part, THROTTLE_COLUMNS);
		}
	}
	json_decref(answer);
	return EXIT_DONE;
}

/* Above the rules, as comments, so that they can be set again as shown. */
static void show_ground(json_t *answer)
{
	static const struct output_column since = {
	    "since", "since", OUTPUT_TIME};
	static const struct {
		const char *member, *sentence;
	} rows[] = {
	    {"shadow", "# NOT ENFORCED (SHADOW MODE): {}"},
	    {"state", "# {}"},
	    {"author", "# set by {}"},
	    {"approver", "# approver: {}"},
	    {"reason", "# reason: {}"},
	};
	char when[OUTPUT_CELL_SIZE];

	output_cell(answer, &since, when);
	printf("# version %lld, from %s\n",
	    (long long)json_integer_value(json_object_get(answer, "version")),
	    when);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *text =
		    json_string_value(json_object_get(answer, rows[i].member));

		if (text && text[0])
			output_sentence(stdout, rows[i].sentence, text);
	}
}

/* The rules as they were typed; the server let no control characters but
 * tab and line feed in. */
int handle_policy_show(struct call *call, struct client *client)
{
	json_t *answer = NULL;
	int code = call_ask(call, client, &answer);
	const char *text;

	if (code != EXIT_DONE)
		return code;
	text = json_string_value(json_object_get(answer, "text"));
	if (call->json) {
		output_json(stdout, answer);
	} else {
		show_ground(answer);
		fputs(text ? text : "", stdout);
	}
	json_decref(answer);
	return EXIT_DONE;
}

/* The whole of a file or of standard input ("-") as text. */
static char *read_text(const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char *text = malloc(POLICY_FILE_BYTES_MAX + 2);
	size_t length = 0;
	bool fine = false;

	if (!file || !text) {
		fprintf(stderr, "sekimorictl: %s: %m.\n", path);
		goto out;
	}
	length = fread(text, 1, POLICY_FILE_BYTES_MAX + 1, file);
	text[length] = '\0';
	if (ferror(file))
		fprintf(stderr, "sekimorictl: %s: %m.\n", path);
	else if (length > POLICY_FILE_BYTES_MAX)
		fprintf(stderr, "sekimorictl: %s is over %d bytes.\n", path,
		    POLICY_FILE_BYTES_MAX);
	else if (memchr(text, '\0', length))
		fprintf(stderr, "sekimorictl: %s holds a NUL byte.\n", path);
	else
		fine = true;
out:
	if (file && file != stdin)
		fclose(file);
	if (!fine) {
		free(text);
		text = NULL;
	}
	return text;
}

/* When the rules take effect, and when others take their place. */
static void show_set(json_t *answer)
{
	static const struct output_column since = {
	    "since", "since", OUTPUT_TIME};
	static const struct output_column next = {"next", "next", OUTPUT_TIME};
	const char *shadow =
	    json_string_value(json_object_get(answer, "shadow"));
	char when[OUTPUT_CELL_SIZE];

	if (shadow)
		output_sentence(stdout,
		    "NOT ENFORCED (SHADOW MODE), refusals are recorded and "
		    "let past: {}",
		    shadow);
	if (json_is_true(json_object_get(answer, "planned"))) {
		output_cell(answer, &since, when);
		printf("Version %lld takes effect at %s. Until then "
		       "`sekimorictl policy cancel %lld` cancels it.\n",
		    (long long)json_integer_value(
			json_object_get(answer, "version")),
		    when,
		    (long long)json_integer_value(
			json_object_get(answer, "version")));
		return;
	}
	puts("In force.");
	if (json_is_null(json_object_get(answer, "next")))
		return;
	output_cell(answer, &next, when);
	printf("Others were set for %s and will take their place: "
	       "`sekimorictl policy list`.\n",
	    when);
}

int handle_policy_set(struct call *call, struct client *client)
{
	char *text = read_text(call_local(call, "file"));
	json_t *answer = NULL;
	int code = EXIT_USAGE;

	if (!text)
		return EXIT_USAGE;
	if (json_object_set_new(call->members, "text", json_string(text))) {
		fprintf(stderr, "sekimorictl: %s is not text in UTF-8.\n",
		    call_local(call, "file"));
		goto out;
	}
	code = call_ask(call, client, &answer);
	if (code == EXIT_DONE && call->json)
		output_json(stdout, answer);
	else if (code == EXIT_DONE)
		show_set(answer);
	json_decref(answer);
out:
	free(text);
	return code;
}

int handle_policy_test(struct call *call, struct client *client)
{
	static const struct output_column columns[] = {
	    {"action", "action", OUTPUT_TEXT},
	    {"NOT ENFORCED (SHADOW MODE) UNTIL", "shadow", OUTPUT_TEXT},
	    {"rule", "rule", OUTPUT_TEXT},
	    {"line", "line", OUTPUT_NUMBER},
	    {"card removed", "card_removed", OUTPUT_TEXT},
	    {"grace, seconds", "grace", OUTPUT_NUMBER},
	    {"at", "at", OUTPUT_TIME},
	    {"version", "version", OUTPUT_NUMBER},
	    {0},
	};
	json_t *answer = NULL, *factor;
	int code = call_ask(call, client, &answer);
	const char *action;
	size_t i;

	if (code != EXIT_DONE)
		return code;
	action = json_string_value(json_object_get(answer, "action"));
	if (call->json) {
		output_json(stdout, answer);
	} else {
		output_object(stdout, answer, columns);
		json_array_foreach(json_object_get(answer, "factors"), i,
		    factor) output_sentence(stdout, "factor  {}",
		    json_string_value(factor) ? json_string_value(factor) : "");
	}
	code =
	    action && strcmp(action, "refuse") != 0 ? EXIT_DONE : EXIT_REFUSED;
	json_decref(answer);
	return code;
}

/* A file beside path, so that what bears its name is whole or absent. */
static int open_beside(const char *path, char **out_name)
{
	char *name = NULL;
	int fd;

	if (asprintf(&name, "%s.XXXXXX", path) < 0)
		return -1;
	fd = mkostemp(name, O_CLOEXEC); /* 0600 */
	if (fd < 0) {
		fprintf(stderr, "sekimorictl: %s: %m.\n", path);
		free(name);
		return -1;
	}
	*out_name = name;
	return fd;
}

/* The folder's entry is on disk too. */
static int sync_folder(const char *path)
{
	char *folder = strdup(path), *slash;
	int fd, result = -1;

	if (!folder)
		return -1;
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder ? 1 : 0] = '\0';
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		result = fsync(fd);
		close(fd);
	}
	free(folder);
	return result;
}

static int put_in_place(
    int fd, const char *name, const char *path, bool replace)
{
	int moved = -1;

	if (fsync(fd) == 0)
		moved = replace ? rename(name, path)
				: renameat2(AT_FDCWD, name, AT_FDCWD, path,
				      RENAME_NOREPLACE);
	if (moved == 0 && sync_folder(path) == 0)
		return EXIT_DONE;
	fprintf(stderr, "sekimorictl: %s: %m.\n", path);
	return EXIT_REFUSED;
}

int handle_server_backup(struct call *call, struct client *client)
{
	const char *path = call_local(call, "file");
	char *name = NULL;
	struct stat status;
	int code, fd;

	if (!call->yes && lstat(path, &status) == 0) {
		fprintf(stderr,
		    "sekimorictl: %s exists. Choose another name, or --yes to "
		    "replace it.\n",
		    path);
		return EXIT_REFUSED;
	}
	fd = open_beside(path, &name);
	if (fd < 0)
		return EXIT_USAGE;
	code = call_download(call, client, fd);
	if (code == EXIT_DONE)
		code = put_in_place(fd, name, path, call->yes);
	if (code != EXIT_DONE)
		unlink(name);
	close(fd);
	free(name);
	if (code == EXIT_DONE && call->json) {
		json_t *answer = json_pack("{s:s}", "file", path);

		output_json(stdout, answer);
		json_decref(answer);
	} else if (code == EXIT_DONE) {
		output_sentence(stdout,
		    "{} is written. It opens with the recovery key only.",
		    path);
	}
	return code;
}
