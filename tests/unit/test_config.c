/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration: every kind of value at its bounds, every way a line can be
 * wrong with the line number and the way to mend it, and files that others
 * could have written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/config.h"

#define TEXT(literal) literal, sizeof(literal) - 1

struct sample {
	int64_t number, duration;
	char text[CONFIG_VALUE_SIZE], path[CONFIG_VALUE_SIZE];
	int choice;
	struct config_list list;
};

static bool has_colon(const char *text)
{
	return strchr(text, ':') != NULL;
}

static const char *const choices[] = {"sqlite", "postgresql", NULL};

#define KEY(section, key, kind, ...)                                           \
	{                                                                      \
		section, #key, kind, offsetof(struct sample, key), __VA_ARGS__ \
	}

static const struct config_key keys[] = {
    KEY("server", number, CONFIG_NUMBER, -5, 10, NULL, NULL, NULL, false),
    KEY("server", text, CONFIG_TEXT, 0, 0, NULL, has_colon, "HOST:PORT", false),
    KEY("server", path, CONFIG_PATH, 0, 0, NULL, NULL, NULL, false),
    KEY("server", list, CONFIG_LIST, 0, 0, NULL, has_colon, "HOST:PORT", false),
    KEY("store", choice, CONFIG_CHOICE, 0, 0, choices, NULL, NULL, true),
    KEY("store", duration, CONFIG_DURATION, 60, 864000, NULL, NULL, NULL,
	false),
};

enum {
	KEY_COUNT = sizeof(keys) / sizeof(keys[0])
};

static enum err parse(const char *bytes, size_t length, struct sample *out,
    struct config_problem *problem)
{
	return config_parse(
	    "x.conf", bytes, length, keys, KEY_COUNT, out, problem);
}

static void reads_every_kind(void **state)
{
	static const char text[] = "# \xe9\x96\xa2\n"
				   "\n"
				   " \t [server] \n"
				   "number=10\n"
				   "text = a = b: # c\n"
				   "path\t=\t/var/lib/..x/a.b\n"
				   "list =  a:1 \t b:2\n"
				   "  # comment\n"
				   "[store]\n"
				   "duration = 10d\n"
				   "choice = postgresql";
	struct sample sample = {0};
	struct config_problem problem;

	(void)state;
	assert_int_equal(parse(TEXT(text), &sample, &problem), ERR_NONE);
	assert_int_equal(sample.number, 10);
	assert_string_equal(sample.text, "a = b: # c");
	assert_string_equal(sample.path, "/var/lib/..x/a.b");
	assert_int_equal(sample.list.count, 2);
	assert_string_equal(sample.list.items[0], "a:1");
	assert_string_equal(sample.list.items[1], "b:2");
	assert_int_equal(sample.duration, 864000);
	assert_int_equal(sample.choice, 1);
}

static void keeps_defaults(void **state)
{
	struct sample sample = {.number = 3, .text = "default"};
	struct config_problem problem;

	(void)state;
	assert_int_equal(
	    parse(TEXT("[store]\nchoice=sqlite\n"), &sample, &problem),
	    ERR_NONE);
	assert_int_equal(sample.number, 3);
	assert_string_equal(sample.text, "default");
}

static void takes_values_at_their_bounds(void **state)
{
	static const char *const rows[] = {
	    "[server]\nnumber = -5\n",
	    "[server]\nnumber = 010\n",
	    "[server]\npath = /\n",
	    "[server]\npath = /a/\n",
	    "[server]\npath = /a//...\n",
	    "[server]\npath = /a b/.c\n",
	    "[store]\nduration = 60s\n",
	    "[store]\nduration = 1m\n",
	    "[store]\nduration = 240h\n",
	    "[server]\nlist = 1: 2: 3: 4: 5: 6: 7: 8: 9: 10: 11: 12: 13: "
	    "14: 15: 16:\n",
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sample sample = {0};
		struct config_problem problem;

		print_message("row %zu\n", i);
		snprintf(text, sizeof(text), "%s%s", rows[i],
		    strstr(rows[i], "[store]") ? "choice=sqlite"
					       : "[store]\nchoice=sqlite");
		assert_int_equal(
		    parse(text, strlen(text), &sample, &problem), ERR_NONE);
	}
}

static const struct {
	const char *bytes;
	size_t length;
	const char *where, *what, *mend;
} wrong_rows[] = {
    /* names */
    {TEXT("[server]\nnumbre = 1\n"), ":2: ", "unknown", "mean number?"},
    {TEXT("[server]\nNumber = 1\n"), ":2: ", "unknown", "mean number?"},
    {TEXT("[server]\nzzzzzzzzz = 1\n"), ":2: ", "unknown", "Remove"},
    {TEXT("[server]\nchoice = sqlite\n"), ":2: ", "unknown", "to [store]"},
    {TEXT("[server]\n= 1\n"), ":2: ", "unknown", "Remove"},
    {TEXT("[server]\nnum\033ber = 1\n"), ":2: ", "control", "Remove"},
    {TEXT("[serevr]\n"), ":1: ", "unknown", "mean [server]?"},
    {TEXT("[]\n"), ":1: ", "unknown", "Remove"},
    {TEXT("[whatever]\n"), ":1: ", "unknown", "Remove"},
    {TEXT("[server\n"), ":1: ", "lacks", "[section]"},
    {TEXT("[\n"), ":1: ", "lacks", "[section]"},
    {TEXT("[server] # here\n"), ":1: ", "lacks", "nothing after"},
    {TEXT("[server]\nnumber=1\n\n[server]\n"), ":4: ", "second", "Move"},
    {TEXT("[server]\nnumber=1\nnumber=1\n"), ":3: ", "second", "Remove"},
    {TEXT("number = 1\n"), ":1: ", "before any section", "above"},
    {TEXT("[server]\n\nnumber\n"), ":3: ", "no \"=\"", "key = value"},
    {TEXT("[server]\nnumber: 1\n"), ":2: ", "no \"=\"", "key = value"},
    {TEXT("[server]\nnumber =\n"), ":2: ", "no value", "Write one"},
    {TEXT("[server]\nnumber = \t \n"), ":2: ", "no value", "Write one"},
    {TEXT("[server]\nlist = \n"), ":2: ", "no value", "Write one"},
    {TEXT("[server]\nnumber = 1\n"), ":2: ", "choice is missing", "Add"},
    {TEXT(""), ":1: ", "choice is missing", "Add"},
    {TEXT("#[store]\n#choice = sqlite\n"), ":2: ", "is missing", "Add"},
    /* bytes */
    {TEXT("[server]\r\n"), ":1: ", "carriage return", "Unix"},
    {TEXT("# \r\n"), ":1: ", "carriage return", "Unix"},
    {TEXT("[server]\nnumber = 1\0\n"), ":2: ", "NUL", "UTF-8"},
    {TEXT("[server]\n\0"), ":2: ", "NUL", "UTF-8"},
    {TEXT("[server]\n# \x93\xfa\x96{\n"), ":2: ", "not UTF-8", "Save"},
    {TEXT("[server]\ntext = a:\xc0\xaf\n"), ":2: ", "not UTF-8", "Save"},
    {TEXT("\xef\xbb\xbf[server]\n"), ":1: ", "byte order", "without"},
    {TEXT("[server]\ntext = a:\x7f\n"), ":2: ", "control", "Remove"},
    {TEXT("\f\n"), ":1: ", "control", "Remove"},
    /* values */
    {TEXT("[server]\nnumber = -6\n"), ":2: ", "range", "from -5 to 10"},
    {TEXT("[server]\nnumber = 11\n"), ":2: ", "range", "from -5 to 10"},
    {TEXT("[server]\nnumber = 9223372036854775807\n"), ":2: ", "range", "10"},
    {TEXT("[server]\nnumber = -9223372036854775808\n"), ":2: ", "range", "10"},
    {TEXT("[server]\nnumber = 9223372036854775808\n"), ":2: ", "whole", "10"},
    {TEXT("[server]\nnumber = -9223372036854775809\n"), ":2: ", "whole", "10"},
    {TEXT("[server]\nnumber = 99999999999999999999999\n"), ":2: ", "whole",
	"10"},
    {TEXT("[server]\nnumber = 1.5\n"), ":2: ", "whole", "10"},
    {TEXT("[server]\nnumber = +1\n"), ":2: ", "whole", "10"},
    {TEXT("[server]\nnumber = 0x1\n"), ":2: ", "whole", "10"},
    {TEXT("[server]\nnumber = 1 # one\n"), ":2: ", "whole", "10"},
    {TEXT("[server]\nnumber = -\n"), ":2: ", "whole", "10"},
    {TEXT("[server]\nnumber = many\n"), ":2: ", "whole", "10"},
    {TEXT("[server]\nnumber = \"1\"\n"), ":2: ", "whole", "10"},
    {TEXT("[server]\ntext = none\n"), ":2: ", "right", "HOST:PORT"},
    {TEXT("[server]\npath = a\n"), ":2: ", "absolute", "begins with"},
    {TEXT("[server]\npath = ~/a\n"), ":2: ", "absolute", "begins with"},
    {TEXT("[server]\npath = /a/../b\n"), ":2: ", "absolute", "steps"},
    {TEXT("[server]\npath = /..\n"), ":2: ", "absolute", "steps"},
    {TEXT("[server]\npath = /.\n"), ":2: ", "absolute", "steps"},
    {TEXT("[server]\npath = /a/./b\n"), ":2: ", "absolute", "steps"},
    {TEXT("[server]\nlist = a:1 b\n"), ":2: ", "right", "HOST:PORT"},
    {TEXT("[server]\nlist = a:1 a:1\n"), ":2: ", "item 2", "Remove"},
    {TEXT("[server]\nlist = 1: 2: 3: 4: 5: 6: 7: 8: 9: 10: 11: 12: 13: 14: "
	  "15: 16: 17:\n"),
	":2: ", "too many", "at most 16"},
    {TEXT("[store]\nchoice = mysql\n"), ":2: ", "none of",
	"sqlite, postgresql"},
    {TEXT("[store]\nchoice = SQLite\n"), ":2: ", "none of", "one of"},
    {TEXT("[store]\nduration = 60\n"), ":2: ", "duration", "12h"},
    {TEXT("[store]\nduration = s\n"), ":2: ", "duration", "12h"},
    {TEXT("[store]\nduration = 1w\n"), ":2: ", "duration", "12h"},
    {TEXT("[store]\nduration = 1 h\n"), ":2: ", "duration", "12h"},
    {TEXT("[store]\nduration = -1h\n"), ":2: ", "duration", "12h"},
    {TEXT("[store]\nduration = 1h30m\n"), ":2: ", "duration", "12h"},
    {TEXT("[store]\nduration = 59s\n"), ":2: ", "range", "60s"},
    {TEXT("[store]\nduration = 11d\n"), ":2: ", "range", "864000s"},
    {TEXT("[store]\nduration = 9223372036854775807d\n"), ":2: ", "range",
	"60s"},
};

static void says_what_is_wrong_and_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong_rows) / sizeof(wrong_rows[0]);
	     i++) {
		struct sample sample = {0};
		struct config_problem problem = {""};

		print_message("row %zu\n", i);
		assert_int_equal(parse(wrong_rows[i].bytes,
				     wrong_rows[i].length, &sample, &problem),
		    ERR_INVALID);
		print_message("  %s\n", problem.text);
		assert_ptr_equal(strstr(problem.text, "x.conf"), problem.text);
		assert_ptr_equal(strstr(problem.text, wrong_rows[i].where),
		    problem.text + strlen("x.conf"));
		assert_non_null(strstr(problem.text, wrong_rows[i].what));
		assert_non_null(strstr(problem.text, wrong_rows[i].mend));
		assert_null(strchr(problem.text, '\n'));
	}
}

/* One line as long as allowed, then one byte more; and the same for values
 * and for the file. */
static void bounds_lines_values_and_files(void **state)
{
	static char text[CONFIG_FILE_BYTES_MAX + 1];
	struct sample sample = {0};
	struct config_problem problem = {""};

	(void)state;
	memset(text, '#', sizeof(text));
	assert_int_equal(
	    parse(text, CONFIG_LINE_BYTES_MAX, &sample, &problem), ERR_INVALID);
	assert_non_null(strstr(problem.text, "missing"));
	assert_int_equal(
	    parse(text, CONFIG_LINE_BYTES_MAX + 1, &sample, &problem),
	    ERR_INVALID);
	assert_non_null(strstr(problem.text, "at most 1024"));

	memset(text, ':', sizeof(text));
	memcpy(text, "[server]\ntext=", 14);
	assert_int_equal(
	    parse(text, 14 + CONFIG_VALUE_SIZE - 1, &sample, &problem),
	    ERR_INVALID);
	assert_non_null(strstr(problem.text, "missing"));
	assert_int_equal(parse(text, 14 + CONFIG_VALUE_SIZE, &sample, &problem),
	    ERR_INVALID);
	assert_non_null(strstr(problem.text, "at most 511"));

	memset(text, '\n', sizeof(text));
	assert_int_equal(
	    parse(text, CONFIG_FILE_BYTES_MAX, &sample, &problem), ERR_INVALID);
	assert_int_equal(
	    parse(text, sizeof(text), &sample, &problem), ERR_TOO_LONG);
}

/* A value may be a password in the wrong place. */
static void does_not_repeat_values(void **state)
{
	static const char *const rows[] = {
	    "[server]\ntext = canary755224\n",
	    "[server]\nnumber = canary755224\n",
	    "[server]\npath = canary755224\n",
	    "[server]\nlist = canary755224\n",
	    "[store]\nchoice = canary755224\n",
	    "[store]\nduration = canary755224\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sample sample = {0};
		struct config_problem problem = {""};

		print_message("row %zu\n", i);
		assert_int_equal(
		    parse(rows[i], strlen(rows[i]), &sample, &problem),
		    ERR_INVALID);
		assert_null(strstr(problem.text, "canary755224"));
	}
}

/* Long names from outside must not push the sentence out of its room. */
static void survives_a_long_file_name(void **state)
{
	char name[4096];
	struct sample sample = {0};
	struct config_problem problem = {""};

	(void)state;
	memset(name, '\n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(config_parse(name, TEXT("[serevr]"), keys, KEY_COUNT,
			     &sample, &problem),
	    ERR_INVALID);
	assert_non_null(strstr(problem.text, "mean [server]?"));
	assert_null(strchr(problem.text, '\n'));
}

static void refuses_files_others_can_write(void **state)
{
	static const struct {
		mode_t mode;
		enum err err;
		const char *problem;
	} rows[] = {
	    {0600, ERR_NONE, ""},
	    {0644, ERR_NONE, ""},
	    {0444, ERR_NONE, ""},
	    {0664, ERR_NOT_ALLOWED, "chmod go-w"},
	    {0646, ERR_NOT_ALLOWED, "chmod go-w"},
	};
	char path[] = "/tmp/sekimori-test-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "[store]\nchoice=sqlite\n", 22), 22);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sample sample = {0};
		struct config_problem problem = {""};

		print_message("row %zu\n", i);
		assert_int_equal(fchmod(fd, rows[i].mode), 0);
		assert_int_equal(
		    config_read_file(path, keys, KEY_COUNT, &sample, &problem),
		    rows[i].err);
		assert_non_null(strstr(problem.text, rows[i].problem));
	}
	close(fd);
	unlink(path);
}

static void refuses_what_is_no_file_of_ours(void **state)
{
	char directory[] = "/tmp/sekimori-test-XXXXXX", path[64], link[64];
	struct sample sample = {0};
	struct config_problem problem = {""};
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/file", directory);
	snprintf(link, sizeof(link), "%s/link", directory);
#define READ(name) config_read_file(name, keys, KEY_COUNT, &sample, &problem)
	assert_int_equal(READ(path), ERR_NOT_FOUND);
	assert_non_null(strstr(problem.text, "no such file"));
	assert_int_equal(READ(directory), ERR_NOT_ALLOWED);
	assert_non_null(strstr(problem.text, "regular"));
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(READ(path), ERR_NOT_ALLOWED);
	assert_int_equal(unlink(path), 0);

	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(READ(link), ERR_NOT_ALLOWED);
	assert_non_null(strstr(problem.text, "symbolic link"));

	for (int i = 0; i < CONFIG_FILE_BYTES_MAX; i++)
		fputc('\n', file);
	fflush(file);
	assert_int_equal(READ(path), ERR_INVALID);
	fputc('\n', file);
	fclose(file);
	assert_int_equal(READ(path), ERR_TOO_LONG);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 12345, 12345), 0);
		assert_int_equal(READ(path), ERR_NOT_ALLOWED);
		assert_non_null(strstr(problem.text, "chown"));
	}
#undef READ
	unlink(link);
	unlink(path);
	rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_every_kind),
	    cmocka_unit_test(keeps_defaults),
	    cmocka_unit_test(takes_values_at_their_bounds),
	    cmocka_unit_test(says_what_is_wrong_and_where),
	    cmocka_unit_test(bounds_lines_values_and_files),
	    cmocka_unit_test(does_not_repeat_values),
	    cmocka_unit_test(survives_a_long_file_name),
	    cmocka_unit_test(refuses_files_others_can_write),
	    cmocka_unit_test(refuses_what_is_no_file_of_ours),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
