/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a spreadsheet reads: cells that stay cells, and no formulas.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/ctl/csv.h"

static void must_write(const char *cell, const char *expected)
{
	const char *const cells[] = {cell, "x"};
	char *text = NULL, whole[128];
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	csv_begin(file);
	csv_row(file, cells, 2);
	fclose(file);
	snprintf(whole, sizeof(whole), "\xef\xbb\xbf%s,\"x\"\r\n", expected);
	assert_string_equal(text, whole);
	free(text);
}

static void test_cells(void **state)
{
	(void)state;
	must_write("", "\"\"");
	must_write("税務課", "\"税務課\"");
	must_write("a,b", "\"a,b\"");
	must_write("say \"x\"", "\"say \"\"x\"\"\"");
	must_write("1-2", "\"1-2\"");
}

static void test_no_formula(void **state)
{
	(void)state;
	must_write("=1+1", "\"'=1+1\"");
	must_write("+81", "\"'+81\"");
	must_write("-1", "\"'-1\"");
	must_write("@SUM(A1)", "\"'@SUM(A1)\"");
	must_write("\t=1", "\"'\t=1\"");
	must_write("\r=1", "\"'\r=1\"");
	must_write("  =1", "\"'  =1\"");
	must_write("＝1", "\"'＝1\"");
	must_write("＠a", "\"'＠a\"");
	must_write("a=1", "\"a=1\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cells),
	    cmocka_unit_test(test_no_formula),
	};

	return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
