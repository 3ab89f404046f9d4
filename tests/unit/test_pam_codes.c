/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of PAM codes, row by row, and agents that lie, stutter, hang or
 * are somebody else's: the module is loaded by libpam with pam_permit behind
 * it, so that whoever is not refused gets in.
 */
#include "tests/support/pam_host.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	NOBODY = 65534
};

static const char *const code[] = {"755224", NULL};

static const struct fake_step accepted[] = {
    READ, ASK, READ, VERDICT(FRAME_ACCEPT), END};
static const struct fake_step exempt[] = {READ, VERDICT(FRAME_EXEMPT), END};
static const struct fake_step wrong[] = {
    READ, ASK, READ, VERDICT(FRAME_DENY), END};
static const struct fake_step locked[] = {
    READ, ASK, READ, VERDICT(FRAME_DENY_LOCKED), END};
static const struct fake_step not_permitted[] = {
    READ, ASK, READ, VERDICT(FRAME_DENY_PERMISSION), END};
static const struct fake_step not_enrolled[] = {
    READ, ASK, READ, VERDICT(FRAME_DENY_NOT_ENROLLED), END};
static const struct fake_step unavailable[] = {
    READ, ASK, READ, VERDICT(FRAME_DENY_UNAVAILABLE), END};
static const struct fake_step denied_unasked[] = {
    READ, VERDICT(FRAME_DENY), END};
static const struct fake_step accepted_unasked[] = {
    READ, VERDICT(FRAME_ACCEPT), END};

/* PAM_IGNORE shows as success with pam_permit behind and as refusal
 * without. */
static const struct code_row {
	const char *name;
	const struct fake_step *steps;
	const char *options;
	int explained, unexplained;
	bool delayed;
} code_rows[] = {
    {"accept", accepted, "", PAM_SUCCESS, PAM_SUCCESS, false},
    {"grace", accepted_unasked, "", PAM_SUCCESS, PAM_SUCCESS, false},
    {"accept, nullok", accepted, "nullok", PAM_SUCCESS, PAM_SUCCESS, false},
    {"wrong", wrong, "", PAM_AUTH_ERR, PAM_AUTH_ERR, true},
    {"wrong, nullok", wrong, "nullok", PAM_AUTH_ERR, PAM_AUTH_ERR, true},
    {"wrong unasked", denied_unasked, "", PAM_AUTH_ERR, PAM_AUTH_ERR, true},
    {"locked", locked, "", PAM_MAXTRIES, PAM_AUTH_ERR, true},
    {"locked, nullok", locked, "nullok", PAM_MAXTRIES, PAM_AUTH_ERR, true},
    {"permission", not_permitted, "", PAM_PERM_DENIED, PAM_AUTH_ERR, true},
    {"not enrolled", not_enrolled, "", PAM_USER_UNKNOWN, PAM_AUTH_ERR, true},
    {"not enrolled, nullok", not_enrolled, "nullok", PAM_IGNORE, PAM_IGNORE,
	false},
    {"exempt", exempt, "", PAM_IGNORE, PAM_IGNORE, false},
    {"unavailable", unavailable, "", PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL,
	false},
    {"unavailable, nullok", unavailable, "nullok", PAM_AUTHINFO_UNAVAIL,
	PAM_AUTHINFO_UNAVAIL, false},
    {"no agent", NULL, "", PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL, false},
    {"no agent, nullok", NULL, "nullok", PAM_AUTHINFO_UNAVAIL,
	PAM_AUTHINFO_UNAVAIL, false},
    {"unknown option", accepted, "expalin", PAM_SERVICE_ERR, PAM_SERVICE_ERR,
	false},
    {"option twice", accepted, "nullok nullok", PAM_SERVICE_ERR,
	PAM_SERVICE_ERR, false},
    {"bad value", accepted, "lang=klingon", PAM_SERVICE_ERR, PAM_SERVICE_ERR,
	false},
};

static int login_once(struct pam_host *host, const char *options,
    bool with_permit, const struct fake_step *steps)
{
	char module[HOST_PATH_MAX], lines[512];
	int result;

	host_module_path("pam_sekimori.so", module);
	(void)snprintf(lines, sizeof(lines), "auth required @ %s\n%s", options,
	    with_permit ? "auth required pam_permit.so\n" : "");
	host_open(host, module, lines, steps, code);
	result = pam_authenticate(host->pamh, 0);
	host_close(host);
	return result;
}

static void check_code(
    const struct code_row *row, const char *explain, int expected)
{
	bool ignored = expected == PAM_IGNORE;
	struct pam_host host;
	char options[128];
	int with_permit, alone;

	(void)snprintf(
	    options, sizeof(options), "%s %s", row->options, explain);
	with_permit = login_once(&host, options, true, row->steps);
	if (with_permit != (ignored ? PAM_SUCCESS : expected) ||
	    (host.delay_us > 0) != row->delayed)
		fail_msg("%s%s: %s, delay %u", row->name, explain,
		    pam_strerror(NULL, with_permit), host.delay_us);
	assert_int_equal(host.seen.bad, 0);
	alone = login_once(&host, options, false, row->steps);
	if (alone != (ignored ? PAM_PERM_DENIED : expected))
		fail_msg("%s%s alone: %s", row->name, explain,
		    pam_strerror(NULL, alone));
}

static void every_row_of_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(code_rows) / sizeof(code_rows[0]); i++) {
		check_code(&code_rows[i], " explain", code_rows[i].explained);
		check_code(&code_rows[i], "", code_rows[i].unexplained);
	}
}

#define ACCEPT_BYTES "\x00\x00\x00\x05\x12\x0a\x00\x01\x01"

static const struct fake_step garbage[] = {
    READ, RAW("HTTP/1.1 200 OK\r\n\r\n"), END};
static const struct fake_step too_long[] = {
    READ, RAW("\x00\x00\x10\x01\x12"), END};
static const struct fake_step huge[] = {READ, RAW("\xff\xff\xff\xff\x12"), END};
static const struct fake_step empty_body[] = {
    READ, RAW("\x00\x00\x00\x00"), END};
static const struct fake_step half_header[] = {READ, RAW("\x00\x00"), CLOSE};
static const struct fake_step half_frame[] = {
    READ, RAW("\x00\x00\x00\x05\x12\x0a\x00\x01"), CLOSE};
static const struct fake_step no_result[] = {
    READ, RAW("\x00\x00\x00\x01\x12"), END};
static const struct fake_step two_results[] = {
    READ, RAW("\x00\x00\x00\x09\x12\x0a\x00\x01\x01\x0a\x00\x01\x01"), END};
static const struct fake_step wide_result[] = {
    READ, RAW("\x00\x00\x00\x06\x12\x0a\x00\x02\x00\x01"), END};
static const struct fake_step trailing_byte[] = {
    READ, RAW("\x00\x00\x00\x06\x12\x0a\x00\x01\x01\x00"), END};
static const struct fake_step unknown_type[] = {
    READ, RAW("\x00\x00\x00\x05\x63\x0a\x00\x01\x01"), END};
static const struct fake_step unknown_result[] = {READ, VERDICT(7), END};
static const struct fake_step odd_result[] = {READ, VERDICT(255), END};
static const struct fake_step unknown_prompt[] = {
    READ, {.action = FAKE_ASK, .value = 7}, READ, VERDICT(FRAME_ACCEPT), END};
static const struct fake_step no_prompt[] = {
    READ, {.action = FAKE_ASK, .value = 0}, READ, VERDICT(FRAME_ACCEPT), END};
static const struct fake_step sends_done[] = {
    READ, DONE, VERDICT(FRAME_ACCEPT), END};
static const struct fake_step sends_cancel[] = {
    READ, RAW("\x00\x00\x00\x01\x03" ACCEPT_BYTES), END};
static const struct fake_step closes_at_once[] = {CLOSE};
static const struct fake_step closes_after_begin[] = {READ, CLOSE};
static const struct fake_step closes_after_ask[] = {READ, ASK, CLOSE};
static const struct fake_step closes_after_answer[] = {READ, ASK, READ, CLOSE};
static const struct fake_step asks_without_end[] = {READ, ASK, AGAIN};
static const struct fake_step tells_without_end[] = {
    TELL(FRAME_MESSAGE_REFUSED), AGAIN};
static const char long_login[] = {[0 ... 255] = 'a', '\0'};
static const struct fake_step login_too_long[] = {READ,
    {.action = FAKE_VERDICT, .value = FRAME_ACCEPT, .text = long_login}, END};

static const struct hostile_row {
	const char *name;
	const struct fake_step *steps;
} hostile_rows[] = {
    {"garbage", garbage},
    {"too long", too_long},
    {"huge", huge},
    {"empty body", empty_body},
    {"half a header", half_header},
    {"half a frame", half_frame},
    {"no result", no_result},
    {"two results", two_results},
    {"wide result", wide_result},
    {"trailing byte", trailing_byte},
    {"unknown type", unknown_type},
    {"unknown result", unknown_result},
    {"odd result", odd_result},
    {"unknown prompt", unknown_prompt},
    {"no prompt", no_prompt},
    {"DONE", sends_done},
    {"CANCEL, then accept", sends_cancel},
    {"closes at once", closes_at_once},
    {"closes after BEGIN", closes_after_begin},
    {"closes after ASK", closes_after_ask},
    {"closes after ANSWER", closes_after_answer},
    {"asks without end", asks_without_end},
    {"tells without end", tells_without_end},
    {"login too long", login_too_long},
};

static void hostile_agents_open_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hostile_rows) / sizeof(hostile_rows[0]);
	     i++) {
		struct pam_host host;
		int result = login_once(
		    &host, "explain nullok", true, hostile_rows[i].steps);

		if (result != PAM_AUTHINFO_UNAVAIL)
			fail_msg("%s: %s", hostile_rows[i].name,
			    pam_strerror(NULL, result));
		assert_true(host.seen.answers <= 10);
	}
}

static int64_t now_ms(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Takes 4.5 s each, so there are only two. */
static void a_slow_agent_is_given_up_within_five_seconds(void **state)
{
	static const struct fake_step hangs[] = {READ, ASK, READ, END};
	static const struct fake_step drips[] = {READ,
	    {.action = FAKE_DRIP,
		.text = "\x00\x00\x00\x0c\x12\x0a\x00\x01\x01\x0b\x00\x04login",
		.length = 16},
	    END};
	static const struct fake_step *const rows[] = {hangs, drips};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pam_host host;
		int64_t start_ms = now_ms(), took_ms;
		char module[HOST_PATH_MAX];

		host_module_path("pam_sekimori.so", module);
		host_open(&host, module,
		    "auth required @\nauth required pam_permit.so", rows[i],
		    code);
		assert_int_equal(
		    pam_authenticate(host.pamh, 0), PAM_AUTHINFO_UNAVAIL);
		took_ms = now_ms() - start_ms;
		host_close(&host);
		assert_in_range(took_ms, 4400, 5000);
		assert_int_equal(host.delay_us, 0);
		assert_int_equal(host.seen.cancels, 1);
	}
}

static void a_socket_of_somebody_else_is_not_believed(void **state)
{
	const struct fake_step *const scripts[FAKE_SCRIPTS_MAX] = {
	    accepted_unasked};
	char module[HOST_PATH_MAX];
	struct pam_host host;

	(void)state;
	if (!fake_may_become(NOBODY))
		skip();
	host_module_path("pam_sekimori.so", module);
	host_open_as(&host, module,
	    "auth required @\nauth required pam_permit.so", NOBODY, scripts,
	    code);
	assert_int_equal(pam_authenticate(host.pamh, 0), PAM_AUTHINFO_UNAVAIL);
	host_close(&host);
	assert_int_equal(host.seen.begins, 0);
	assert_int_equal(host.asked, 0);
}

static void what_is_no_socket_is_out_of_reach(void **state)
{
	static const char *const lines[] = {
	    "auth required # socket=%\nauth required pam_permit.so",
	    "auth required # socket=%/gate\nauth required pam_permit.so",
	    "auth required # socket=/dev/null\nauth required pam_permit.so",
	    "auth required # socket=%/none\nauth required pam_permit.so",
	};
	char module[HOST_PATH_MAX];

	(void)state;
	host_module_path("pam_sekimori.so", module);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct pam_host host;
		int result;

		host_open(&host, module, lines[i], NULL, code);
		result = pam_authenticate(host.pamh, 0);
		host_close(&host);
		if (result != PAM_AUTHINFO_UNAVAIL)
			fail_msg("row %zu: %s", i, pam_strerror(NULL, result));
	}
}

static unsigned descriptors_count(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	(void)closedir(dir);
	return count;
}

static void logins_leave_no_descriptor_open(void **state)
{
	static const struct fake_step *const scripts[] = {
	    accepted, wrong, exempt, garbage, closes_after_ask};
	struct pam_host host;
	unsigned before;

	(void)state;
	(void)login_once(&host, "", true, accepted);
	before = descriptors_count();
	for (size_t i = 0; i < 50; i++)
		(void)login_once(&host, "", true, scripts[i % 5]);
	assert_int_equal(descriptors_count(), before);
}

static void a_bad_line_fails_before_anything_is_asked(void **state)
{
	struct pam_host host;

	(void)state;
	assert_int_equal(
	    login_once(&host, "appended=6 explain", true, accepted),
	    PAM_SERVICE_ERR);
	assert_int_equal(host.asked, 0);
	assert_int_equal(host.seen.connections, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row_of_the_table),
	    cmocka_unit_test(hostile_agents_open_nothing),
	    cmocka_unit_test(a_socket_of_somebody_else_is_not_believed),
	    cmocka_unit_test(what_is_no_socket_is_out_of_reach),
	    cmocka_unit_test(logins_leave_no_descriptor_open),
	    cmocka_unit_test(a_bad_line_fails_before_anything_is_asked),
	    cmocka_unit_test(a_slow_agent_is_given_up_within_five_seconds),
	};

	if (!fake_become_root()) {
		print_message("skipped: needs root or user namespaces\n");
		return 0;
	}
	return cmocka_run_group_tests_name("pam_codes", tests, NULL, NULL);
}
