/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an authentication is worth afterwards, to account, credentials and
 * sessions, in a handle that is used once or a hundred times.
 */
#include "tests/support/pam_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	NOBODY = 65534
};

static const char *const code[] = {"755224", NULL};

static const struct fake_step accepts[] = {READ, ASK, READ,
    {.action = FAKE_VERDICT, .value = FRAME_ACCEPT, .text = "bG9naW4"}, END};
static const struct fake_step denies[] = {
    READ, ASK, READ, VERDICT(FRAME_DENY), END};
static const struct fake_step exempts[] = {READ, VERDICT(FRAME_EXEMPT), END};
static const struct fake_step not_enrolled[] = {
    READ, ASK, READ, VERDICT(FRAME_DENY_NOT_ENROLLED), END};
static const struct fake_step session[] = {READ, DONE, END};
static const struct fake_step session_unanswered[] = {READ, CLOSE};

#define STACK(auth_options, account_options)                                   \
	"auth required @ " auth_options "\n"                                   \
	"auth required pam_permit.so\n"                                        \
	"account required @ " account_options "\n"                             \
	"session required @\n"                                                 \
	"password required #\n"

static void open_host(struct pam_host *host, const char *lines,
    const struct fake_step *first, const struct fake_step *second,
    const struct fake_step *third)
{
	const struct fake_step *const scripts[FAKE_SCRIPTS_MAX] = {
	    first, second, third};
	char module[HOST_PATH_MAX];

	host_module_path("pam_sekimori.so", module);
	host_open_as(
	    host, module, lines, geteuid(), first ? scripts : NULL, code);
}

static const struct account_row {
	const char *lines;
	const struct fake_step *steps; /* NULL: authentication is not called */
	int auth, account, setcred;
} account_rows[] = {
    {STACK("", ""), accepts, PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS},
    {STACK("", ""), exempts, PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS},
    {STACK("nullok", ""), not_enrolled, PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS},
    {STACK("", ""), not_enrolled, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_CRED_ERR},
    {STACK("", ""), denies, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_CRED_ERR},
    /* A refusal is not excused by the service's being listed. */
    {STACK("", "without_auth=cron,gate"), denies, PAM_AUTH_ERR, PAM_PERM_DENIED,
	PAM_CRED_ERR},
    {STACK("lang=xx", "without_auth=gate"), accepts, PAM_SERVICE_ERR,
	PAM_PERM_DENIED, PAM_CRED_ERR},
    {STACK("", ""), NULL, 0, PAM_PERM_DENIED, PAM_SUCCESS},
    {STACK("", "without_auth=cron,sudo"), NULL, 0, PAM_PERM_DENIED,
	PAM_SUCCESS},
    {STACK("", "without_auth=cron,gate"), NULL, 0, PAM_SUCCESS, PAM_SUCCESS},
    {STACK("", "without_auth=cron,Gate"), accepts, PAM_SUCCESS, PAM_SERVICE_ERR,
	PAM_SUCCESS},
    {STACK("", "explain"), accepts, PAM_SUCCESS, PAM_SERVICE_ERR, PAM_SUCCESS},
};

static void account_and_credentials_follow_authentication(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(account_rows) / sizeof(account_rows[0]);
	     i++) {
		const struct account_row *row = &account_rows[i];
		struct pam_host host;
		int auth = 0, account, setcred;

		open_host(&host, row->lines, row->steps, NULL, NULL);
		if (row->steps)
			auth = pam_authenticate(host.pamh, 0);
		account = pam_acct_mgmt(host.pamh, 0);
		setcred = pam_setcred(host.pamh, PAM_ESTABLISH_CRED);
		host_close(&host);
		if (auth != row->auth || account != row->account ||
		    setcred != row->setcred)
			fail_msg(
			    "row %zu: %d %d %d", i, auth, account, setcred);
	}
}

static void success_holds_for_one_user_and_service(void **state)
{
	static const struct {
		int item;
		const char *value;
	} rows[] = {{PAM_USER, "bob"}, {PAM_SERVICE, "gatf"}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pam_host host;

		open_host(&host, STACK("", ""), accepts, NULL, NULL);
		assert_int_equal(pam_authenticate(host.pamh, 0), PAM_SUCCESS);
		assert_int_equal(pam_acct_mgmt(host.pamh, 0), PAM_SUCCESS);
		assert_int_equal(
		    pam_set_item(host.pamh, rows[i].item, rows[i].value),
		    PAM_SUCCESS);
		assert_int_not_equal(pam_acct_mgmt(host.pamh, 0), PAM_SUCCESS);
		host_close(&host);
	}
}

/* As a locker does that keeps its handle for days. */
static void each_authentication_takes_the_last_one_back(void **state)
{
	struct pam_host host;

	(void)state;
	open_host(&host, STACK("", ""), accepts, denies, accepts);
	assert_int_equal(pam_authenticate(host.pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_acct_mgmt(host.pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_authenticate(host.pamh, 0), PAM_AUTH_ERR);
	assert_int_equal(pam_acct_mgmt(host.pamh, 0), PAM_PERM_DENIED);
	assert_int_equal(pam_authenticate(host.pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_acct_mgmt(host.pamh, 0), PAM_SUCCESS);
	host_close(&host);
	assert_int_equal(host.seen.begins, 3);
	assert_int_equal(host.seen.answers, 3);
}

static void an_agent_that_dies_takes_the_last_one_back(void **state)
{
	struct pam_host host;

	(void)state;
	open_host(&host, STACK("", "without_auth=gate"), accepts, NULL, NULL);
	assert_int_equal(pam_authenticate(host.pamh, 0), PAM_SUCCESS);
	fake_agent_stop(&host.agent, host.socket, &host.seen);
	host.agent_runs = false;
	assert_int_equal(pam_authenticate(host.pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(pam_acct_mgmt(host.pamh, 0), PAM_PERM_DENIED);
	host_close(&host);
}

static void sessions_are_reported_with_their_login(void **state)
{
	struct pam_host host;

	(void)state;
	open_host(&host, STACK("", ""), accepts, session, session);
	(void)pam_set_item(host.pamh, PAM_TTY, "tty2");
	assert_int_equal(pam_authenticate(host.pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_open_session(host.pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(host.pamh, 0), PAM_SUCCESS);
	host_close(&host);
	assert_int_equal(host.seen.sessions, 2);
	assert_string_equal(host.seen.user, "alice");
	assert_string_equal(host.seen.service, "gate");
	assert_string_equal(host.seen.tty, "tty2");
	assert_string_equal(host.seen.login, "bG9naW4");
	assert_int_equal(host.seen.event, FRAME_SESSION_CLOSE);
}

static void a_refused_login_leaves_no_name_behind(void **state)
{
	struct pam_host host;

	(void)state;
	open_host(&host, STACK("", ""), accepts, denies, session);
	assert_int_equal(pam_authenticate(host.pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_authenticate(host.pamh, 0), PAM_AUTH_ERR);
	assert_int_equal(pam_open_session(host.pamh, 0), PAM_SUCCESS);
	host_close(&host);
	assert_string_equal(host.seen.login, "");
	assert_int_equal(host.seen.event, FRAME_SESSION_OPEN);
}

static void unreported_sessions_are_errors(void **state)
{
	static const struct fake_step *const rows[] = {
	    NULL, session_unanswered, exempts};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct pam_host host;

		open_host(&host, STACK("", ""), rows[i], NULL, NULL);
		if (pam_open_session(host.pamh, 0) != PAM_SESSION_ERR)
			fail_msg("row %zu", i);
		host_close(&host);
	}
}

static void a_hanging_agent_delays_a_session_by_two_seconds(void **state)
{
	static const struct fake_step hangs[] = {READ, END};
	struct timespec start, end;
	struct pam_host host;

	(void)state;
	open_host(&host, STACK("", ""), hangs, NULL, NULL);
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(pam_open_session(host.pamh, 0), PAM_SESSION_ERR);
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	host_close(&host);
	assert_in_range(end.tv_sec - start.tv_sec, 1, 3);
}

static void only_root_reports_sessions(void **state)
{
	struct pam_host host;
	int code_open;

	(void)state;
	if (!fake_may_become(NOBODY))
		skip();
	open_host(&host, STACK("", ""), session, NULL, NULL);
	assert_int_equal(seteuid(NOBODY), 0);
	code_open = pam_open_session(host.pamh, 0);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(code_open, PAM_SUCCESS);
	host_close(&host);
	assert_int_equal(host.seen.connections, 0);
}

static void a_password_line_is_a_mistake_that_shows(void **state)
{
	struct pam_host host;

	(void)state;
	open_host(&host, STACK("", ""), NULL, NULL, NULL);
	assert_int_equal(pam_chauthtok(host.pamh, 0), PAM_SERVICE_ERR);
	host_close(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(account_and_credentials_follow_authentication),
	    cmocka_unit_test(success_holds_for_one_user_and_service),
	    cmocka_unit_test(each_authentication_takes_the_last_one_back),
	    cmocka_unit_test(an_agent_that_dies_takes_the_last_one_back),
	    cmocka_unit_test(sessions_are_reported_with_their_login),
	    cmocka_unit_test(a_refused_login_leaves_no_name_behind),
	    cmocka_unit_test(unreported_sessions_are_errors),
	    cmocka_unit_test(a_hanging_agent_delays_a_session_by_two_seconds),
	    cmocka_unit_test(only_root_reports_sessions),
	    cmocka_unit_test(a_password_line_is_a_mistake_that_shows),
	};

	if (!fake_become_root()) {
		print_message("skipped: needs root or user namespaces\n");
		return 0;
	}
	return cmocka_run_group_tests_name("pam_standing", tests, NULL, NULL);
}
