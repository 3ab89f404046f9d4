/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .google_authenticator: what is taken over, what is left out and counted,
 * and where the first mistake is said to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/ctl/import_google.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* 16 bytes, as pam_google_authenticator makes them. */
#define SEED "GEZDGNBVGY3TQOJQGEZDGNBVGY"
#define SEED_BYTES "1234567890123456"

enum {
	NOW_S = 1800000000,
	STEP = NOW_S / 30
};

static enum err read_bytes_of(const char *bytes, size_t length,
    struct import_google *out, struct import_oath_problem *problem)
{
	FILE *file = tmpfile();
	enum err err;

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	rewind(file);
	err = import_google_read(file, NOW_S, out, problem);
	fclose(file);
	return err;
}

static void test_taken_over(void **state)
{
	static const struct {
		const char *text;
		bool is_totp;
		int period_s;
		int64_t counter;
		size_t scratch;
		bool rate, window, skew, reuse;
	} rows[] = {
	    /* 0 */
	    {SEED "\n\" TOTP_AUTH\n", 1, 30, 0, 0, 0, 0, 0, 1},
	    {SEED "\n\" RATE_LIMIT 3 30 1799999999\n\" WINDOW_SIZE 17\n"
		  "\" DISALLOW_REUSE 59999990 60000000 59999999\n"
		  "\" TOTP_AUTH\n12345678\n23456789\n34567890\n",
		1, 30, STEP + 1, 3, 1, 1, 0, 0},
	    {SEED "\n\" HOTP_COUNTER 42\n", 0, 0, 42, 0, 0, 0, 0, 0},
	    {SEED "\n\" STEP_SIZE 60\n\" TOTP_AUTH\n\" TIME_SKEW -3\n", 1, 60,
		0, 0, 0, 0, 1, 1},
	    {SEED "\n\" TIME_SKEW 0\n\" TOTP_AUTH\n\" LAST0 h 1700000000\n"
		  "\" RESETTING_TIME_SKEW 1+0 2+0\n",
		1, 30, 0, 0, 0, 0, 0, 1},
	    /* 5: a step that cannot have been yet shuts nobody out */
	    {SEED "\n\" DISALLOW_REUSE 99999999 999999999999999999\n"
		  "\" TOTP_AUTH\n",
		1, 30, 0, 0, 0, 0, 0, 1},
	    {SEED "\n\" STEP_SIZE 60\n\" DISALLOW_REUSE 60000000\n"
		  "\" TOTP_AUTH",
		1, 60, 0, 0, 0, 0, 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct import_oath_problem problem = {0};
		struct import_google google = {0};
		enum err err = read_bytes_of(
		    rows[i].text, strlen(rows[i].text), &google, &problem);

		if (err || google.is_totp != rows[i].is_totp ||
		    google.period_s != rows[i].period_s ||
		    google.counter != rows[i].counter ||
		    google.scratch_codes != rows[i].scratch ||
		    google.has_rate_limit != rows[i].rate ||
		    google.has_window != rows[i].window ||
		    google.has_skew != rows[i].skew ||
		    google.allows_reuse != rows[i].reuse ||
		    google.seed.length != strlen(SEED_BYTES) ||
		    memcmp(google.seed.bytes, SEED_BYTES, strlen(SEED_BYTES)))
			fail_msg(
			    "row %zu: %s %s", i, err_text(err), problem.text);
	}
}

static void test_letters_that_look_like_digits(void **state)
{
	static const char text[] = "01800L8BOLOLOLOLOLOLOLOLOLOLOL8B\n"
				   "\" TOTP_AUTH\n";
	static const char same[] = "OLBOOLBBOLOLOLOLOLOLOLOLOLOLOLBB\n"
				   "\" TOTP_AUTH\n";
	struct import_oath_problem problem = {0};
	struct import_google one = {0}, other = {0};

	(void)state;
	assert_int_equal(
	    read_bytes_of(text, strlen(text), &one, &problem), ERR_NONE);
	assert_int_equal(
	    read_bytes_of(same, strlen(same), &other, &problem), ERR_NONE);
	assert_true(secret_equal(&one.seed, &other.seed));
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *says;
		size_t row;
	} rows[] = {
	    {"", "empty", 0},
	    {"\n" SEED "\n", "not a seed", 1},
	    {"root:x:0:0:root:/root:/bin/bash\n", "not a seed", 1},
	    {"GEZDGNBVGY3TQOJQ\n\" TOTP_AUTH\n", "112 bits", 1},
	    {SEED "\n", "TOTP_AUTH or HOTP_COUNTER", 0},
	    {SEED "\n\" TOTP_AUTH\n\" HOTP_COUNTER 1\n", "TOTP_AUTH or", 0},
	    {SEED "\n\" TOTP_AUTH\n\" STEP_SIZE 45\n", "STEP_SIZE", 3},
	    {SEED "\n\" HOTP_COUNTER -1\n", "HOTP_COUNTER", 2},
	    {SEED "\n\" TOTP_AUTH\n1234567\n", "neither", 3},
	    {SEED "\n\" TOTP_AUTH\n12345678 9\n", "neither", 3},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct import_oath_problem problem = {0};
		struct import_google google = {0};
		enum err err = read_bytes_of(
		    rows[i].text, strlen(rows[i].text), &google, &problem);

		if (err != ERR_INVALID || problem.row != rows[i].row ||
		    !strstr(problem.text, rows[i].says) ||
		    google.seed.length != 0)
			fail_msg("row %zu: %s %zu: %s", i, err_text(err),
			    problem.row, problem.text);
	}
}

static void test_without_end(void **state)
{
	static char text[100000];
	struct import_oath_problem problem = {0};
	struct import_google google = {0};

	(void)state;
	memset(text, 'A', sizeof(text));
	assert_int_equal(
	    read_bytes_of(text, sizeof(text), &google, &problem), ERR_INVALID);
	memset(text, '\n', sizeof(text));
	memcpy(text, SEED, strlen(SEED));
	assert_int_equal(
	    read_bytes_of(text, sizeof(text), &google, &problem), ERR_INVALID);
	memset(text + strlen(SEED), 0, 8);
	assert_int_equal(
	    read_bytes_of(text, sizeof(text), &google, &problem), ERR_INVALID);
}

/* By the folder's name or by its own; nobody's where neither is a name. */
static void test_holder(void **state)
{
	static const struct {
		const char *path, *holder;
	} rows[] = {
	    {"alice/.google_authenticator", "alice"},
	    {"alice/google_authenticator", "alice"},
	    {"alice/bob.google_authenticator", "bob"},
	    {"alice/s1042", NULL},
	    {"a b/.google_authenticator", NULL},
	    {"a b/-x.google_authenticator", NULL},
	    {"nowhere/.google_authenticator", NULL},
	};
	char folder[] = "/tmp/sekimori-google-XXXXXX", path[128];
	char holder[NAME_BYTES_MAX + 1];

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool is_holder, there = strncmp(rows[i].path, "nowhere", 7);

		snprintf(path, sizeof(path), "%s/%s", folder, rows[i].path);
		*strrchr(path, '/') = '\0';
		if (there)
			(void)mkdir(path, 0700);
		path[strlen(path)] = '/';
		if (there)
			fclose(fopen(path, "w"));
		is_holder = import_google_holder(path, holder);
		assert_int_equal(is_holder, rows[i].holder != NULL);
		if (is_holder)
			assert_string_equal(holder, rows[i].holder);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/alice", folder);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/a b", folder);
	rmdir(path);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_taken_over),
	    cmocka_unit_test(test_letters_that_look_like_digits),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_without_end),
	    cmocka_unit_test(test_holder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
