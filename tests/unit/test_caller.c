/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may ask for whom: the ruling's table, five attempts a minute, and the
 * session hash of a calling process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pam_module/agent/caller.h"

enum {
	SOMEBODY = 1,
	STRANGER = 4000000
};

static void attempts_init(struct caller_attempts *attempts)
{
	memset(attempts, 0, sizeof(*attempts));
	pthread_mutex_init(&attempts->lock, NULL);
}

static void rules_by_uid_user_and_service(void **state)
{
	const struct passwd *line = getpwuid(SOMEBODY);
	struct config_list services = {2, {"vlock", "i3lock"}};
	struct caller_attempts attempts;
	char own[64];
	const struct {
		uid_t uid;
		const char *user, *service;
		enum caller_ruling ruling;
	} rows[] = {
	    {0, "root", "sshd", CALLER_ALLOWED},
	    {0, "anybody", "vlock", CALLER_ALLOWED},
	    {SOMEBODY, own, "vlock", CALLER_ALLOWED},
	    {SOMEBODY, own, "i3lock", CALLER_ALLOWED},
	    {SOMEBODY, own, "sshd", CALLER_NOT_ALLOWED},
	    {SOMEBODY, own, "", CALLER_NOT_ALLOWED},
	    {SOMEBODY, own, "vlock2", CALLER_NOT_ALLOWED},
	    {SOMEBODY, "root", "vlock", CALLER_NOT_ALLOWED},
	    {SOMEBODY, "", "vlock", CALLER_NOT_ALLOWED},
	    {STRANGER, own, "vlock", CALLER_NOT_ALLOWED},
	    {STRANGER, "", "vlock", CALLER_NOT_ALLOWED},
	};

	(void)state;
	assert_non_null(line);
	snprintf(own, sizeof(own), "%s", line->pw_name);
	attempts_init(&attempts);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct caller caller = {
		    .uid = rows[i].uid, .is_root = rows[i].uid == 0};
		enum caller_ruling ruling = caller_rule(&caller, &services,
		    rows[i].user, rows[i].service, &attempts, 1000);

		if (ruling != rows[i].ruling)
			fail_msg("row %zu: %d", i, ruling);
	}
}

static void sixth_attempt_in_a_minute_is_too_often(void **state)
{
	struct caller_attempts attempts;

	(void)state;
	attempts_init(&attempts);
	for (int i = 0; i < CALLER_ATTEMPTS_MAX; i++)
		assert_true(caller_count_attempt(&attempts, 7, 1000 + i));
	assert_false(caller_count_attempt(&attempts, 7, 1100));
	assert_true(caller_count_attempt(&attempts, 8, 1100));
	/* A refused one does not count, so the first to fall out makes room
	 * for exactly one. */
	assert_false(caller_count_attempt(&attempts, 7, 60999));
	assert_true(caller_count_attempt(&attempts, 7, 61000));
	assert_false(caller_count_attempt(&attempts, 7, 61000));
}

static void refused_requests_cost_no_attempt(void **state)
{
	struct config_list services = {1, {"vlock"}};
	struct caller_attempts attempts;
	const struct caller caller = {.uid = SOMEBODY};
	const struct passwd *line = getpwuid(SOMEBODY);

	(void)state;
	attempts_init(&attempts);
	for (int i = 0; i < 20; i++)
		assert_int_equal(caller_rule(&caller, &services, "root",
				     "vlock", &attempts, 1000),
		    CALLER_NOT_ALLOWED);
	for (int i = 0; i < CALLER_ATTEMPTS_MAX; i++)
		assert_int_equal(caller_rule(&caller, &services, line->pw_name,
				     "vlock", &attempts, 1000),
		    CALLER_ALLOWED);
	assert_int_equal(caller_rule(&caller, &services, line->pw_name, "vlock",
			     &attempts, 1000),
	    CALLER_TOO_OFTEN);
}

static void too_many_users_are_refused_until_a_minute_is_over(void **state)
{
	struct caller_attempts attempts;

	(void)state;
	attempts_init(&attempts);
	for (uid_t uid = 1; uid <= CALLER_UIDS_MAX; uid++)
		assert_true(caller_count_attempt(&attempts, uid, 1000));
	assert_false(caller_count_attempt(&attempts, 9999, 2000));
	assert_true(caller_count_attempt(&attempts, 3, 2000));
	assert_true(caller_count_attempt(&attempts, 9999, 61000));
	assert_int_equal(attempts.count, CALLER_UIDS_MAX);
}

static void peer_is_who_connected(void **state)
{
	struct caller caller = {.uid = 12345};
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(caller_identify(pair[0], &caller), ERR_NONE);
	assert_int_equal(caller.uid, getuid());
	assert_int_equal(caller.pid, getpid());
	assert_int_equal(caller.is_root, getuid() == 0);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(caller_identify(0x7ffffff, &caller), ERR_NOT_ALLOWED);
}

static void session_of_a_dead_process_is_none(void **state)
{
	struct secret key = {.length = 32};
	struct process_id id = {0};
	struct process process = {0};
	struct caller caller = {0};
	char out[CALLER_SESSION_SIZE] = "untouched";

	(void)state;
	caller.pid = fork();
	if (caller.pid == 0)
		_exit(0);
	waitpid(caller.pid, NULL, 0);
	assert_int_equal(process_read(caller.pid, &process), ERR_NOT_FOUND);
	assert_int_equal(process_identify(caller.pid, &id), ERR_NOT_FOUND);
	assert_int_equal(id.pid, 0);
	assert_int_equal(caller_session(&process, &key, out), ERR_NOT_FOUND);
	assert_string_equal(out, "untouched");
}

/* Each of key, boot and session makes another hash. */
static void session_hash_depends_on_all(void **state)
{
	struct secret key = {.length = 32}, other = {.length = 32};
	const struct {
		const char *boot, *session;
		const struct secret *key;
	} rows[] = {
	    {"boot", "1", &key},
	    {"boot", "2", &key},
	    {"boot\n1", "", &key},
	    {"other", "1", &key},
	    {"boot", "1", &other},
	};
	char hashes[5][CALLER_SESSION_SIZE], again[CALLER_SESSION_SIZE];

	(void)state;
	other.bytes[0] = 1;
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(caller_hash_session(rows[i].boot,
				     rows[i].session, rows[i].key, hashes[i]),
		    ERR_NONE);
		assert_int_equal(strlen(hashes[i]), 43);
		for (size_t j = 0; j < i; j++)
			if (strcmp(hashes[i], hashes[j]) == 0)
				fail_msg("rows %zu and %zu", i, j);
	}
	assert_int_equal(
	    caller_hash_session("boot", "1", &key, again), ERR_NONE);
	assert_string_equal(again, hashes[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rules_by_uid_user_and_service),
	    cmocka_unit_test(sixth_attempt_in_a_minute_is_too_often),
	    cmocka_unit_test(refused_requests_cost_no_attempt),
	    cmocka_unit_test(too_many_users_are_refused_until_a_minute_is_over),
	    cmocka_unit_test(peer_is_who_connected),
	    cmocka_unit_test(session_of_a_dead_process_is_none),
	    cmocka_unit_test(session_hash_depends_on_all),
	};

	return cmocka_run_group_tests_name("caller", tests, NULL, NULL);
}
