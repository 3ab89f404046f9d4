/* SPDX-License-Identifier: Apache-2.0 */
/*
 * users.oath: every type, what each field may hold, where the first error is
 * said to be, and that one bad line keeps the whole file out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/ctl/import_oath.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SEED "3132333435363738393031323334353637383930"
#define SEED2 "4142333435363738393031323334353637383930"

static void test_good_lines(void **state)
{
	static const struct {
		const char *line;
		bool is_totp;
		int digits, period_s;
		bool has_counter;
		int64_t counter;
		bool pin, totp_counter, no_digits;
	} rows[] = {
	    /* 0 */
	    {"HOTP u - " SEED, false, 6, 0, false, 0, 0, 0, 1},
	    {"HOTP/E u - " SEED, false, 6, 0, false, 0, 0, 0, 1},
	    {"HOTP/E/6 u - " SEED, false, 6, 0, false, 0, 0, 0, 0},
	    {"HOTP/E/8\tu\t1234\t" SEED, false, 8, 0, false, 0, 1, 0, 0},
	    {"HOTP/T30 u + " SEED, true, 6, 30, false, 0, 0, 0, 0},
	    /* 5 */
	    {"HOTP/T60/8 u - " SEED, true, 8, 60, false, 0, 0, 0, 0},
	    /* No code yet: the counter is the first to come. */
	    {"HOTP/E/6 u - " SEED " 4", false, 6, 0, true, 4, 0, 0, 0},
	    /* With its code, the counter is the last that was used. */
	    {"HOTP/E/6 u - " SEED " 5 504933 2026-11-23T04:41:18L", false, 6, 0,
		true, 6, 0, 0, 0},
	    {"HOTP/T30/6 u - " SEED " 0 504933 2026-11-23T04:41:18L", true, 6,
		30, false, 0, 0, 1, 0},
	    {"  HOTP/T30 \t u   -  " SEED "  ", true, 6, 30, false, 0, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct import_oath_row row = {0};
		struct import_oath_problem problem = {0};
		enum err err = import_oath_line(
		    rows[i].line, strlen(rows[i].line), &row, &problem);

		if (err || row.is_totp != rows[i].is_totp ||
		    row.digits != rows[i].digits ||
		    row.period_s != rows[i].period_s ||
		    row.has_counter != rows[i].has_counter ||
		    row.counter != rows[i].counter ||
		    row.had_pin != rows[i].pin ||
		    row.had_totp_counter != rows[i].totp_counter ||
		    row.had_no_digits != rows[i].no_digits)
			fail_msg("row %zu: %s", i, problem.text);
		assert_string_equal(row.user, "u");
		assert_int_equal(row.seed.length, 20);
		assert_memory_equal(row.seed.bytes, "12345678901234567890", 20);
	}
}

static void test_bad_lines(void **state)
{
	static const struct {
		const char *line;
		size_t length; /* 0: of the string */
		enum err err;
		size_t column;
	} rows[] = {
	    /* 0 */
	    {"", 0, ERR_NOT_FOUND, 0},
	    {"  \t", 0, ERR_NOT_FOUND, 0},
	    {"# HOTP u - 00", 0, ERR_NOT_FOUND, 0},
	    {"TOTP u - " SEED, 0, ERR_INVALID, 1},
	    {"HOTP/T30/7 u - " SEED, 0, ERR_INVALID, 1},
	    /* 5 */
	    {"HOTP/T45 u - " SEED, 0, ERR_INVALID, 1},
	    {"HOTP/T30 u -", 0, ERR_INVALID, 0},
	    {"HOTP/T30 u/x - " SEED, 0, ERR_INVALID, 10},
	    {"HOTP/T30 ..u - " SEED, 0, ERR_INVALID, 10},
	    {"HOTP/T30 u - 313233", 0, ERR_INVALID, 14},
	    /* 10 */
	    {"HOTP/T30 u - 3" SEED, 0, ERR_INVALID, 14},
	    {"HOTP/T30 u - zz" SEED, 0, ERR_INVALID, 14},
	    {"HOTP/E u - " SEED " x", 0, ERR_INVALID, 53},
	    {"HOTP/E u - " SEED " -1", 0, ERR_INVALID, 53},
	    {"HOTP/E u - " SEED " 9999999999999999", 0, ERR_INVALID, 53},
	    /* 15 */
	    {"HOTP u - " SEED " 1 2 3 4", 0, ERR_INVALID, 0},
	    {"HOTP\0u - " SEED, 12, ERR_INVALID, 5},
	    {"HOTP u - " SEED "\r", 0, ERR_INVALID, 50},
	    {"HOTP u\033 - " SEED, 0, ERR_INVALID, 7},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct import_oath_row row = {0};
		struct import_oath_problem problem = {0};
		size_t length =
		    rows[i].length ? rows[i].length : strlen(rows[i].line);
		enum err err =
		    import_oath_line(rows[i].line, length, &row, &problem);

		if (err != rows[i].err || problem.column != rows[i].column)
			fail_msg("row %zu: %s, column %zu: %s", i,
			    err_text(err), problem.column, problem.text);
		assert_int_equal(row.seed.length, 0);
		assert_null(strstr(problem.text, "3132"));
	}
}

static FILE *file_of(const char *text, size_t length)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	rewind(file);
	return file;
}

static enum err check(
    const char *text, size_t length, struct import_oath_report *report)
{
	FILE *file = file_of(text, length);
	enum err err = import_oath_check(file, report);

	fclose(file);
	return err;
}

static void test_whole_file(void **state)
{
	static const char good[] = "# staff\n"
				   "HOTP/T30 a 77 " SEED "\n\n"
				   "HOTP b - " SEED2;
	static const char twice[] = "HOTP/T30 a - " SEED "\n"
				    "HOTP/T30 b - " SEED2 "\n"
				    "HOTP/T60 c - " SEED "\n";
	static const char bad[] = "HOTP/T30 a - " SEED "\n"
				  "HOTP/T30 b - 00\n"
				  "what\n";
	struct import_oath_report report = {0};

	(void)state;
	assert_int_equal(check(good, strlen(good), &report), ERR_NONE);
	assert_int_equal(report.rows, 2);
	assert_int_equal(report.pins, 1);
	assert_int_equal(report.guessed_digits, 1);

	assert_int_equal(check(twice, strlen(twice), &report), ERR_INVALID);
	assert_int_equal(report.problem_count, 1);
	assert_int_equal(report.problems[0].row, 3);
	assert_non_null(strstr(report.problems[0].text, "line 1 "));

	assert_int_equal(check(bad, strlen(bad), &report), ERR_INVALID);
	assert_int_equal(report.problem_count, 2);
	assert_int_equal(report.problems[0].row, 2);
	assert_int_equal(report.problems[1].row, 3);

	assert_int_equal(check("", 0, &report), ERR_NONE);
	assert_int_equal(report.rows, 0);
}

static void test_long_and_many(void **state)
{
	struct import_oath_report report = {0};
	char *text = malloc(200000);

	(void)state;
	memset(text, ' ', 200000);
	memcpy(text, "HOTP/T30 a - " SEED, 53);
	text[IMPORT_OATH_LINE_BYTES_MAX] = '\n';
	assert_int_equal(
	    check(text, IMPORT_OATH_LINE_BYTES_MAX + 1, &report), ERR_NONE);
	text[IMPORT_OATH_LINE_BYTES_MAX] = ' ';
	text[IMPORT_OATH_LINE_BYTES_MAX + 1] = '\n';
	assert_int_equal(
	    check(text, IMPORT_OATH_LINE_BYTES_MAX + 2, &report), ERR_INVALID);
	assert_int_equal(report.rows, 0);

	/* More errors than are told are counted. */
	for (size_t i = 0; i < 200000; i++)
		text[i] = i % 2 ? '\n' : 'x';
	assert_int_equal(check(text, 200000, &report), ERR_INVALID);
	assert_int_equal(report.problem_count, 100000);
	assert_int_equal(report.problems[IMPORT_OATH_PROBLEMS_MAX - 1].row,
	    IMPORT_OATH_PROBLEMS_MAX);
	free(text);
}

struct seen {
	size_t rows, last;
};

static enum err count_rows(
    void *context, size_t number, const struct import_oath_row *row)
{
	struct seen *seen = context;

	(void)row;
	seen->rows++;
	seen->last = number;
	return seen->rows == 2 ? ERR_FULL : ERR_NONE;
}

static void test_each_stops(void **state)
{
	static const char text[] = "HOTP/T30 a - " SEED "\n#\n"
				   "HOTP/T30 b - " SEED2 "\n"
				   "HOTP/T30 c - " SEED2 "\n";
	struct import_oath_problem problem = {0};
	struct seen seen = {0};
	FILE *file = file_of(text, strlen(text));

	(void)state;
	assert_int_equal(
	    import_oath_each(file, count_rows, &seen, &problem), ERR_FULL);
	assert_int_equal(seen.rows, 2);
	assert_int_equal(seen.last, 3);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good_lines),
	    cmocka_unit_test(test_bad_lines),
	    cmocka_unit_test(test_whole_file),
	    cmocka_unit_test(test_long_and_many),
	    cmocka_unit_test(test_each_stops),
	};

	return cmocka_run_group_tests_name("import_oath", tests, NULL, NULL);
}
