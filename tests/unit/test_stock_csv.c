/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vendors' CSV files: headings in their many words, both encodings, both ways
 * of writing a secret, every value that may be refused and where it is said
 * to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/ctl/stock_csv.h"
#include "tests/unit/stock_sink.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HEX "3132333435363738393031323334353637383930"
#define BASE32 "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
#define SEED "12345678901234567890"
#define HEADS "serial,secret,type,algorithm,digits,period,counter\n"

static void read_all_in(const char *bytes, size_t length,
    enum staff_encoding encoding, const struct stock_headings *extra,
    size_t most, struct kept *out)
{
	struct pieces pieces = {bytes, length, 0, most};
	const struct stock_source source = {give_piece, &pieces};
	const struct stock_sink sink = {keep_row, keep_problem, out};
	struct stock_text *text = NULL;

	*out = (struct kept){0};
	assert_int_equal(stock_text_new(encoding, &text), ERR_NONE);
	out->err = stock_csv_read(&source, text, extra, &sink, &out->report);
	stock_text_free(text);
}

static void read_csv(const char *bytes, struct kept *out)
{
	read_all_in(bytes, strlen(bytes), STAFF_AUTO, NULL, 4096, out);
}

static void test_good_rows(void **state)
{
	static const struct {
		const char *text, *serial;
		enum stock_type type;
		enum stock_algorithm algorithm;
		int digits, period_s;
		int64_t counter;
		uint64_t line;
	} rows[] = {
	    /* 0 */
	    {HEADS "A1," HEX ",totp,sha1,6,30,\n", "A1", STOCK_TOTP, STOCK_SHA1,
		6, 30, 0, 2},
	    {HEADS "A1," BASE32 ",hotp,sha256,8,,7\n", "A1", STOCK_HOTP,
		STOCK_SHA256, 8, 0, 7, 2},
	    {"seed,serial\n" HEX ",A1", "A1", STOCK_TOTP, STOCK_SHA1, 6, 30, 0,
		2},
	    {"Secret_Base32,S/N\r\n\r\n" BASE32 ",A1\r\n", "A1", STOCK_TOTP,
		STOCK_SHA1, 6, 30, 0, 3},
	    {"\xef\xbb\xbf\"serial\",\"secret_hex\",\"note\"\n"
	     "\" A1 \",\"" HEX "\",\"a\n\"\"b\"\"\"\n",
		"A1", STOCK_TOTP, STOCK_SHA1, 6, 30, 0, 2},
	    /* 5 */
	    {"製造番号,シード,桁数,更新間隔,方式\n"
	     "A1," HEX ",8,60,時刻同期\n",
		"A1", STOCK_TOTP, STOCK_SHA1, 8, 60, 0, 2},
	    /* the same in CP932 */
	    {"\x90\xbb\x91\xa2\x94\xd4\x8d\x86,\x83V\x81[\x83h\nA1," HEX "\n",
		"A1", STOCK_TOTP, STOCK_SHA1, 6, 30, 0, 2},
	    {HEADS "A1," HEX ",time,HMAC-SHA512,,,\n", "A1", STOCK_TOTP,
		STOCK_SHA512, 6, 30, 0, 2},
	    /* of a token that counts no events there is no counter */
	    {HEADS "A1," HEX ",totp,sha1,6,30,55\n", "A1", STOCK_TOTP,
		STOCK_SHA1, 6, 30, 0, 2},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t most = 1; most < 8192; most *= 9) {
			struct kept kept;
			const struct stock_row *row = &kept.rows[0];

			read_all_in(rows[i].text, strlen(rows[i].text),
			    STAFF_AUTO, NULL, most, &kept);
			if (kept.err || kept.row_count != 1 ||
			    strcmp(row->serial, rows[i].serial) ||
			    row->type != rows[i].type ||
			    row->algorithm != rows[i].algorithm ||
			    row->digits != rows[i].digits ||
			    row->period_s != rows[i].period_s ||
			    row->counter != rows[i].counter ||
			    row->line != rows[i].line ||
			    row->seed.length != strlen(SEED) ||
			    memcmp(row->seed.bytes, SEED, strlen(SEED)))
				fail_msg("row %zu by %zu: %s %s", i, most,
				    err_text(kept.err), kept.problems[0].text);
		}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *says;
		uint64_t line, column;
	} rows[] = {
	    /* 0 */
	    {"", "empty", 0, 0},
	    {"\n\n", "no token", 3, 0},
	    {HEADS, "no token", 2, 0},
	    {"A1," HEX "\n", "No column is the serial", 1, 0},
	    {"serial,name\nA1,x\n", "One column must be the secret", 1, 0},
	    /* 5 */
	    {"serial,seed,secret\n", "same", 1, 3},
	    {"serial,secret_hex,secret_base32\n", "One column", 1, 0},
	    {HEADS "," HEX ",,,,,\n", "serial number is missing", 2, 1},
	    {HEADS "A/1," HEX ",,,,,\n", "ASCII letters", 2, 1},
	    {HEADS "\"A\n1\"," HEX ",,,,,\n", "line break", 2, 1},
	    /* 10 */
	    {HEADS "=cmd()," HEX ",,,,,\n", "ASCII letters", 2, 1},
	    {HEADS "A1,,,,,,\n", "secret is missing", 2, 2},
	    {HEADS "A1,31323334,,,,,\n", "112 bits", 2, 2},
	    {HEADS "A1,xyz!,,,,,\n", "neither hexadecimal", 2, 2},
	    {HEADS "A1," HEX ","
		   "u2f,,,,\n",
		"only totp and hotp", 2, 3},
	    /* 15 */
	    {HEADS "A1," HEX ",,md5,,,\n", "sha512", 2, 4},
	    {HEADS "A1," HEX ",,,7,,\n", "6 or 8", 2, 5},
	    {HEADS "A1," HEX ",,,six,,\n", "no number", 2, 5},
	    {HEADS "A1," HEX ",,,,45,\n", "30 or 60", 2, 6},
	    {HEADS "A1," HEX ",hotp,,,,-1\n", "no number", 2, 7},
	    /* 20 */
	    {HEADS "A1," HEX ",hotp,,,,9999999999999999\n", "no number", 2, 7},
	    {HEADS "A1," HEX "\n", "2 cells here, but 7", 2, 0},
	    {HEADS "A1," HEX ",,,,,\nA2," BASE32 ",,,,,\n", "hexadecimal", 3,
		2},
	    {HEADS "A1,\"" HEX ",,,,,\n", "quotation", 2, 2},
	    {"\xff\xfes\0e", "UTF-16", 0, 0},
	    /* 25 */
	    {"PK\x03\x04", "spreadsheet", 0, 0},
	    {"serial,secret,x\nA1," HEX ",\xff\xff\n", "neither UTF-8", 2, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct kept kept;
		const struct stock_problem *problem = &kept.problems[0];

		read_csv(rows[i].text, &kept);
		if (kept.err != ERR_INVALID || kept.problem_count == 0 ||
		    !strstr(problem->text, rows[i].says) ||
		    problem->line != rows[i].line ||
		    problem->column != rows[i].column)
			fail_msg("row %zu: %s, %d:%d %s", i, err_text(kept.err),
			    (int)problem->line, (int)problem->column,
			    problem->text);
	}
}

static void test_nul(void **state)
{
	static const char text[] = HEADS "A1,\0," HEX "\n";
	struct kept kept;

	(void)state;
	read_all_in(text, sizeof(text) - 1, STAFF_AUTO, NULL, 4096, &kept);
	assert_int_equal(kept.err, ERR_INVALID);
	assert_non_null(strstr(kept.problems[0].text, "NUL"));
}

static void test_an_encoding_that_was_named_is_kept_to(void **state)
{
	static const char cp932[] = "serial,secret,x\nA1," HEX ",\x82\xa0\n";
	static const char utf8[] = "serial,secret,x\nA1," HEX ",あ\n";
	struct kept kept;

	(void)state;
	read_all_in(cp932, strlen(cp932), STAFF_UTF8, NULL, 4096, &kept);
	assert_int_equal(kept.err, ERR_INVALID);
	assert_non_null(strstr(kept.problems[0].text, "--encoding"));
	read_all_in(cp932, strlen(cp932), STAFF_CP932, NULL, 4096, &kept);
	assert_int_equal(kept.err, ERR_NONE);
	read_all_in(utf8, strlen(utf8), STAFF_UTF8, NULL, 4096, &kept);
	assert_int_equal(kept.err, ERR_NONE);
	assert_int_equal(kept.report.columns, 1);
}

static void test_headings_of_a_vendor(void **state)
{
	struct stock_headings *extra = calloc(1, sizeof(*extra));
	struct kept kept;
	static const char text[] = "Tokenkennung,Saat\nA1," BASE32 "\n";

	(void)state;
	assert_non_null(extra);
	extra->lists[STOCK_COLUMN_SERIAL].count = 1;
	strcpy(extra->lists[STOCK_COLUMN_SERIAL].items[0], "tokenkennung");
	extra->lists[STOCK_COLUMN_BASE32].count = 1;
	strcpy(extra->lists[STOCK_COLUMN_BASE32].items[0], "Saat");
	read_all_in(text, strlen(text), STAFF_AUTO, extra, 4096, &kept);
	assert_int_equal(kept.err, ERR_NONE);
	assert_int_equal(kept.row_count, 1);
	free(extra);
}

static void test_every_bad_row_up_to_twenty(void **state)
{
	char text[4096] = HEADS "A1," HEX ",,,,,\n";
	struct kept kept;

	(void)state;
	for (int i = 0; i < 30; i++)
		strcat(text, "A1,zz,,,,,\n");
	read_csv(text, &kept);
	assert_int_equal(kept.err, ERR_INVALID);
	assert_int_equal(kept.row_count, 1);
	assert_int_equal(kept.problem_count, STOCK_PROBLEMS_MAX);
	assert_int_equal(kept.problems[19].line, 22);
}

/* A quotation mark that is never closed must not fill the memory. */
static void test_without_end(void **state)
{
	size_t length = 1000000;
	char *text = malloc(length);
	struct kept kept;

	(void)state;
	assert_non_null(text);
	memset(text, 'A', length);
	memcpy(text, HEADS "\"", sizeof(HEADS));
	read_all_in(text, length, STAFF_AUTO, NULL, 65536, &kept);
	assert_int_equal(kept.err, ERR_INVALID);
	assert_non_null(strstr(kept.problems[0].text, "no end"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good_rows),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_nul),
	    cmocka_unit_test(test_an_encoding_that_was_named_is_kept_to),
	    cmocka_unit_test(test_headings_of_a_vendor),
	    cmocka_unit_test(test_every_bad_row_up_to_twenty),
	    cmocka_unit_test(test_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
