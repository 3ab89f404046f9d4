/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The card child and modules that fail, lie, crash and hang: nothing that one
 * does costs a person more than the word "trouble", and nothing it does leaves
 * a process, a descriptor or a wait behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pam_module/agent/steady.h"
#include "tests/support/card_world.h"

static struct card_world world;
static unsigned char keys[1][CARD_HASH_BYTES];

static const char alice_script[] =
    "token alice 1234 3\nobject 01 {}/alice.der {}/alice.pem\n";

static int open_world(void **state)
{
	(void)state;
	card_world_open(&world);
	card_world_make(&world, "alice",
	    &(struct card_made){.algorithm = "P-256"}, keys[0]);
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	card_world_close(&world);
	return 0;
}

/* Modules of the test before are forgotten. */
static int forget_modules(void **state)
{
	(void)state;
	world.modules.count = 0;
	return 0;
}

static struct card_seen find(
    const struct card_wanted *wanted, struct card_session **out)
{
	return world.reader.find(world.reader.context, wanted, INT64_MAX, out);
}

static enum card_signing sign(struct card_session *session, const char *pin,
    struct card_seen *seen, struct card_signature *out)
{
	return card_world_sign(&world, session, pin, seen, out);
}

static void close_session(struct card_session *session)
{
	world.reader.close(world.reader.context, session);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child left */
}

/* Finds alice's key, gives the PIN once. */
static enum card_signing once(const char *script, const char *pin,
    struct card_seen *seen, struct card_signature *out)
{
	struct card_wanted wanted = card_world_wanted(&keys[0], 1);
	struct card_session *session = NULL;
	enum card_signing outcome;

	card_world_module(&world, "one", script);
	*seen = find(&wanted, &session);
	assert_int_equal(seen->presence, CARD_PRESENT);
	outcome = sign(session, pin, seen, out);
	if (outcome == CARD_SIGNED)
		assert_true(card_world_is_proof(&wanted, out));
	close_session(session);
	return outcome;
}

/* What a module says of a login, and what that is to the person. */
static void test_answers_to_a_login(void **state)
{
	static const struct {
		const char *fault;
		enum card_signing expected;
	} rows[] = {
	    {"fail C_Login 0x100\n", CARD_SIGNING_TROUBLE}, /* logged in */
	    {"fail C_Login 0x5\n", CARD_SIGNING_TROUBLE},
	    {"fail C_Login 0x32\n", CARD_SIGNING_TROUBLE}, /* removed */
	    {"fail C_Login 0x50\n", CARD_SIGNING_CANCELLED},
	    {"fail C_Login 0xa0\n", CARD_SIGNING_PIN_WRONG},
	    {"fail C_Login 0xa4\n", CARD_SIGNING_PIN_LOCKED},
	    {"fail C_SignInit 0x32\n", CARD_SIGNING_TROUBLE},
	    {"fail C_Sign 0x5\n", CARD_SIGNING_TROUBLE},
	    {"lie C_Sign\n", CARD_SIGNING_TROUBLE},
	    {"lie sign-bytes\n", CARD_SIGNING_TROUBLE},
	    {"crash C_Login\n", CARD_SIGNING_TROUBLE},
	    {"crash C_Sign\n", CARD_SIGNING_TROUBLE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct card_seen seen;
		struct card_signature signature;
		char script[512];
		enum card_signing outcome;

		snprintf(script, sizeof(script), "%s%s", alice_script,
		    rows[i].fault);
		outcome = once(script, "1234", &seen, &signature);
		if (outcome != rows[i].expected)
			fail_msg("%s: %d", rows[i].fault, outcome);
	}
}

static void test_whatever_fails_while_looking_is_trouble(void **state)
{
	static const char *const calls[] = {"C_GetSlotList", "C_GetTokenInfo",
	    "C_OpenSession", "C_FindObjectsInit", "C_FindObjects",
	    "C_GetAttributeValue", "C_Initialize"};

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		for (size_t j = 0; j < 2; j++) {
			struct card_wanted wanted =
			    card_world_wanted(&keys[0], 1);
			struct card_session *session = NULL;
			char script[512], fault[64];
			struct card_seen seen;

			snprintf(fault, sizeof(fault),
			    j == 0 ? "fail %s 0x5\n" : "crash %s\n", calls[i]);
			snprintf(script, sizeof(script), "%s%s", alice_script,
			    fault);
			card_world_module(&world, "one", script);
			seen = find(&wanted, &session);
			if (seen.presence != CARD_TROUBLE)
				fail_msg("%s: %d", fault, seen.presence);
			assert_null(session);
		}
}

static void test_lies_about_lengths(void **state)
{
	static const struct {
		const char *fault;
		enum card_presence expected;
	} rows[] = {
	    {"lie C_GetSlotList\n", CARD_TROUBLE},
	    {"lie C_FindObjects\n", CARD_TROUBLE},
	    {"lie C_GetAttributeValue\n", CARD_OTHER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct card_wanted wanted = card_world_wanted(&keys[0], 1);
		struct card_session *session = NULL;
		char script[512];
		struct card_seen seen;

		snprintf(script, sizeof(script), "%s%s", alice_script,
		    rows[i].fault);
		card_world_module(&world, "one", script);
		seen = find(&wanted, &session);
		if (seen.presence != rows[i].expected)
			fail_msg("%s: %d", rows[i].fault, seen.presence);
		close_session(session);
	}
}

static void test_a_module_that_hangs_is_killed_in_time(void **state)
{
	struct card_wanted wanted = card_world_wanted(&keys[0], 1);
	struct card_session *session = NULL;
	struct card_signature signature;
	struct card_seen seen;
	char script[512];
	int64_t start_ms = steady_ms();

	(void)state;
	snprintf(
	    script, sizeof(script), "%shang C_FindObjects\n", alice_script);
	card_world_module(&world, "one", script);
	assert_int_equal(find(&wanted, &session).presence, CARD_TROUBLE);
	assert_in_range(steady_ms() - start_ms, CARD_FIND_WAIT_MS - 100,
	    CARD_FIND_WAIT_MS + 900);
	snprintf(script, sizeof(script), "%shang C_Sign\n", alice_script);
	card_world_module(&world, "one", script);
	seen = find(&wanted, &session);
	start_ms = steady_ms();
	assert_int_equal(
	    sign(session, "1234", &seen, &signature), CARD_SIGNING_TROUBLE);
	close_session(session);
	assert_in_range(steady_ms() - start_ms, CARD_SIGN_WAIT_MS - 100,
	    CARD_SIGN_WAIT_MS + 900);
}

/* As SoftHSM and OpenSC must go on, most of it is refused; what no module
 * ever asks for ends the child. */
static void test_what_a_module_may_not_do(void **state)
{
	static const struct {
		const char *deed;
		const char *logged;
		enum card_presence expected;
	} rows[] = {
	    {"thread", "thread 0\n", CARD_PRESENT},
	    {"unix", "unix 0\n", CARD_PRESENT},
	    {"fork", "fork 1\n", CARD_PRESENT},
	    {"inet", "inet 1\n", CARD_PRESENT},
	    {"kill", "kill 1\n", CARD_PRESENT},
	    /* The agent has its uid: no signal may reach it. */
	    {"tgkill", "tgkill 1\n", CARD_PRESENT},
	    {"raise", "raise 0\n", CARD_PRESENT},
	    {"owner", "owner 1\n", CARD_PRESENT},
	    {"signal", "signal 1\n", CARD_PRESENT},
	    {"lease", "lease 1\n", CARD_PRESENT},
	    {"limit", "limit 1\n", CARD_PRESENT},
	    {"dumps", "dumps 1\n", CARD_PRESENT},
	    {"setuid", "setuid 1\n", CARD_PRESENT},
	    {"exec", "", CARD_TROUBLE},
	    {"ptrace", "", CARD_TROUBLE},
	    {"mount", "", CARD_TROUBLE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct card_wanted wanted = card_world_wanted(&keys[0], 1);
		struct card_session *session = NULL;
		char script[512], logged[128];
		struct card_seen seen;

		snprintf(script, sizeof(script), "%stry C_OpenSession %s\n",
		    alice_script, rows[i].deed);
		card_world_module(&world, "one", script);
		seen = find(&wanted, &session);
		card_world_logins(&world, "one", logged, sizeof(logged));
		if (seen.presence != rows[i].expected)
			fail_msg("%s: %d", rows[i].deed, seen.presence);
		assert_string_equal(logged, rows[i].logged);
		close_session(session);
	}
}

/* Under Landlock, which not every kernel has. Beside it all is as it was: the
 * module writes its log there. */
static void test_the_agents_state_is_out_of_reach(void **state)
{
	static const struct {
		const char *deed;
		const char *logged;
	} rows[] = {
	    {"read", "read 13\n"},
	    {"write", "write 13\n"},
	    {"list", "list 13\n"},
	    {"remove", "remove 13\n"},
	    {"rename", "rename 13\n"},
	};
	char directory[80], link[96], key[128];

	(void)state;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 1)
		skip();
	snprintf(directory, sizeof(directory), "%s.state", world.directory);
	snprintf(link, sizeof(link), "%s/to-state", world.directory);
	snprintf(key, sizeof(key), "%s/terminal.key", directory);
	assert_int_equal(mkdir(directory, 0700), 0);
	assert_int_equal(symlink(directory, link), 0);
	close(creat(key, 0600));
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		struct card_wanted wanted = card_world_wanted(&keys[0], 1);
		struct card_session *session = NULL;
		char script[512], logged[128];

		world.child.state_directory = i % 2 ? link : directory;
		snprintf(script, sizeof(script), "%stry C_OpenSession %s\n",
		    alice_script, rows[i / 2].deed);
		card_world_module(&world, "one", script);
		assert_int_equal(
		    find(&wanted, &session).presence, CARD_PRESENT);
		card_world_logins(&world, "one", logged, sizeof(logged));
		assert_string_equal(logged, rows[i / 2].logged);
		close_session(session);
	}
	assert_int_equal(unlink(key), 0);
	assert_int_equal(rmdir(directory), 0);
	world.child.state_directory = NULL;
}

static void test_no_program_is_trouble(void **state)
{
	const struct card_child child = {.program = "/nonexistent"};
	const struct card_child liar = {.program = "/bin/cat"};
	const struct card_child mute = {.program = "/bin/true"};
	const struct card_child *rows[] = {&child, &liar, &mute};
	struct card_wanted wanted = card_world_wanted(&keys[0], 1);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct card_reader reader = card_child_reader(rows[i]);
		struct card_session *session = NULL;

		assert_int_equal(
		    reader.find(reader.context, &wanted, INT64_MAX, &session)
			.presence,
		    CARD_TROUBLE);
		assert_null(session);
	}
}

static size_t open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

enum {
#ifdef __SANITIZE_ADDRESS__
	OPERATIONS = 250, /* slower, and the sanitizer sees every leak */
#else
	OPERATIONS = 1000,
#endif
};

static void test_many_operations_leave_nothing(void **state)
{
	struct card_wanted wanted = card_world_wanted(&keys[0], 1);
	size_t descriptors = open_descriptors(), memory = 0;

	(void)state;
	card_world_module(&world, "one", alice_script);
	for (int i = 0; i < OPERATIONS; i++) {
		struct card_session *session = NULL;
		struct card_signature signature;
		struct card_seen seen = find(&wanted, &session);

		assert_int_equal(seen.presence, CARD_PRESENT);
		/* Good, wrong, and walking away in mid-dialogue. */
		if (i % 3 < 2)
			assert_int_equal(sign(session, i % 3 ? "0000" : "1234",
					     &seen, &signature),
			    i % 3 ? CARD_SIGNING_PIN_WRONG : CARD_SIGNED);
		close_session(session);
		if (i == 10)
			memory = mallinfo2().uordblks;
	}
	assert_int_equal(open_descriptors(), descriptors);
	assert_true(mallinfo2().uordblks <= memory);
}

#define TEST(name) cmocka_unit_test_setup(name, forget_modules)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_answers_to_a_login),
	    TEST(test_whatever_fails_while_looking_is_trouble),
	    TEST(test_lies_about_lengths),
	    TEST(test_a_module_that_hangs_is_killed_in_time),
	    TEST(test_what_a_module_may_not_do),
	    TEST(test_the_agents_state_is_out_of_reach),
	    TEST(test_no_program_is_trouble),
	    TEST(test_many_operations_leave_nothing),
	};

	return cmocka_run_group_tests(tests, open_world, close_world);
}
