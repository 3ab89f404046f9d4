/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PAM files that are installed as examples: every word after the
 * module's name is one the module takes, and each says what it must.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pam_module/options.h"

enum {
	LINE_BYTES_MAX = 512,
	WORDS_MAX = 16,
	PATH_BYTES_MAX = 300
};

static void report(void *context, const char *argument, const char *reason)
{
	print_error(
	    "%s: \"%s\": %s\n", (const char *)context, argument, reason);
}

static enum options_place place_of(const char *type)
{
	if (strcmp(type, "auth") == 0)
		return OPTIONS_AUTH;
	if (strcmp(type, "account") == 0)
		return OPTIONS_ACCOUNT;
	assert_string_equal(type, "session");
	return OPTIONS_SESSION;
}

/* Cuts at white space. */
static int words_cut(char *line, const char *words[WORDS_MAX])
{
	char *rest = NULL;
	int count = 0;

	for (char *word = strtok_r(line, " \t\n", &rest);
	     word && count < WORDS_MAX; word = strtok_r(NULL, " \t\n", &rest))
		words[count++] = word;
	return count;
}

/* Returns the place of our line, 0 if it is not ours. */
static unsigned line_check(char *path, char *line)
{
	const char *words[WORDS_MAX];
	struct options options;
	int count;

	if (line[0] == '#' || !strstr(line, "pam_sekimori.so"))
		return 0;
	count = words_cut(line, words);
	assert_true(count >= 3);
	assert_string_equal(words[2], "pam_sekimori.so");
	if (options_parse(count - 3, words + 3, place_of(words[0]), report,
		path, &options) != ERR_NONE)
		fail_msg("%s", path);
	/* What is not required or optional opens something by itself. */
	assert_string_equal(words[1],
	    place_of(words[0]) == OPTIONS_SESSION ? "optional" : "required");
	return place_of(words[0]);
}

static unsigned file_check(char *path)
{
	char line[LINE_BYTES_MAX];
	FILE *file = fopen(path, "re");
	unsigned places = 0;

	if (!file)
		fail_msg("%s: run the tests from the top of the tree", path);
	while (fgets(line, sizeof(line), file))
		places |= line_check(path, line);
	(void)fclose(file);
	return places;
}

static void every_example_is_understood(void **state)
{
	DIR *dir = opendir("config/pam");
	struct dirent *entry;
	unsigned files = 0;

	(void)state;
	if (!dir)
		fail_msg("config/pam: run from the top of the tree");
	while ((entry = readdir(dir))) {
		char path[PATH_BYTES_MAX];
		unsigned places;

		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(
		    path, sizeof(path), "config/pam/%s", entry->d_name);
		places = file_check(path);
		if ((places & (OPTIONS_AUTH | OPTIONS_ACCOUNT)) !=
		    (OPTIONS_AUTH | OPTIONS_ACCOUNT))
			fail_msg("%s: auth or account is missing", path);
		files++;
	}
	(void)closedir(dir);
	assert_true(files >= 7);
}

static void line_of_profile(
    const char *type, const char *line, unsigned *places)
{
	char whole[LINE_BYTES_MAX + 16];
	char name[] = "profile";

	(void)snprintf(whole, sizeof(whole), "%.8s %.500s", type, line);
	*places |= line_check(name, whole);
}

static void the_profile_is_understood_and_off(void **state)
{
	FILE *file = fopen("config/pam-auth-update/sekimori", "re");
	char line[LINE_BYTES_MAX], type[16] = "";
	unsigned places = 0;
	bool is_off = false;

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (strcmp(line, "Default: no\n") == 0)
			is_off = true;
		else if (strcmp(line, "Auth:\n") == 0)
			(void)strcpy(type, "auth");
		else if (strcmp(line, "Account:\n") == 0)
			(void)strcpy(type, "account");
		else if (strcmp(line, "Session:\n") == 0)
			(void)strcpy(type, "session");
		else if (line[0] == '\t')
			line_of_profile(type, line, &places);
	}
	(void)fclose(file);
	assert_true(is_off);
	assert_int_equal(
	    places, OPTIONS_AUTH | OPTIONS_ACCOUNT | OPTIONS_SESSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_example_is_understood),
	    cmocka_unit_test(the_profile_is_understood_and_off),
	};

	return cmocka_run_group_tests_name("pam_examples", tests, NULL, NULL);
}
