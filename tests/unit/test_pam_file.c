/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared object itself: what it shows, what it pulls into other people's
 * programs, that it stays loaded, and how big it is.
 */
#include "tests/support/pam_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char exported[] = "pam_sm_acct_mgmt\n"
			       "pam_sm_authenticate\n"
			       "pam_sm_chauthtok\n"
			       "pam_sm_close_session\n"
			       "pam_sm_open_session\n"
			       "pam_sm_setcred\n";

/* Sanitizers bring libraries and sizes of their own, so that an instrumented
 * test looks at the module that `make` has left. */
static void find_module(char out[HOST_PATH_MAX])
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	(void)snprintf(out, HOST_PATH_MAX, "build/pam_sekimori.so");
	if (access(out, R_OK) != 0)
		skip();
#else
	host_module_path("pam_sekimori.so", out);
#endif
}

static void output_of(const char *format, char *out, size_t out_size)
{
	char module[HOST_PATH_MAX], command[512];
	size_t length;
	FILE *pipe;

	find_module(module);
	(void)snprintf(command, sizeof(command), "f='%s'; %s", module, format);
	pipe = popen(command, "re");
	assert_non_null(pipe);
	length = fread(out, 1, out_size - 1, pipe);
	out[length] = '\0';
	assert_int_equal(pclose(pipe), 0);
}

static void shows_six_functions_and_nothing_else(void **state)
{
	char out[4096];

	(void)state;
	output_of("LC_ALL=C nm -D --defined-only \"$f\" | "
		  "awk '{ print $3 }' | LC_ALL=C sort",
	    out, sizeof(out));
	assert_string_equal(out, exported);
}

static void needs_libc_and_libpam_only(void **state)
{
	char out[4096];

	(void)state;
	output_of("readelf -d \"$f\" | sed -n "
		  "'s/.*(NEEDED).*\\[\\(.*\\)\\]/\\1/p' | LC_ALL=C sort",
	    out, sizeof(out));
	assert_string_equal(out, "libc.so.6\nlibpam.so.0\n");
}

/* Names that change the process around the module, or trust what the
 * process's owner may set. */
static void calls_nothing_that_changes_the_host(void **state)
{
	char out[4096];

	(void)state;
	output_of("nm -D --undefined-only \"$f\" | awk '{ print $2 }' | "
		  "sed 's/@.*//' | grep -Ex 'setlocale|openlog|closelog|"
		  "signal|sigaction|sigprocmask|getenv|putenv|setenv|umask|"
		  "chdir|fork|system|popen|exit|sleep|gets|strcpy|sprintf|"
		  "getpwnam|getlogin|localtime|alarm|atexit' || true",
	    out, sizeof(out));
	assert_string_equal(out, "");
}

static void is_hardened_and_stays_loaded(void **state)
{
	char out[4096];

	(void)state;
	output_of("readelf -Wdl \"$f\" | "
		  "grep -E 'FLAGS|GNU_STACK|GNU_RELRO|TEXTREL'",
	    out, sizeof(out));
	assert_non_null(strstr(out, "NODELETE"));
	assert_non_null(strstr(out, "NOW"));
	assert_non_null(strstr(out, "GNU_RELRO"));
	assert_null(strstr(out, "RWE"));
	assert_null(strstr(out, "TEXTREL"));
}

static void is_below_a_hundred_kilobytes(void **state)
{
	char module[HOST_PATH_MAX];
	struct stat info;

	(void)state;
	find_module(module);
	assert_int_equal(stat(module, &info), 0);
	assert_in_range(info.st_size, 1, 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shows_six_functions_and_nothing_else),
	    cmocka_unit_test(needs_libc_and_libpam_only),
	    cmocka_unit_test(calls_nothing_that_changes_the_host),
	    cmocka_unit_test(is_hardened_and_stays_loaded),
	    cmocka_unit_test(is_below_a_hundred_kilobytes),
	};

	return cmocka_run_group_tests_name("pam_file", tests, NULL, NULL);
}
