/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is in which session: the first to open it, guests until they leave, the
 * last to unlock it, and all of them over a restart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pam_module/agent/logind_list.h"
#include "pam_module/agent/session_people.h"
#include "pam_module/agent/session_people_file.h"
#include "pam_module/agent/state.h"

struct world {
	char directory[64];
	struct session_people *people;
	const char *gone; /* session that has ended */
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	strcpy(world->directory, "/tmp/sekimori-people-XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	assert_int_equal(
	    session_people_new(world->directory, &world->people), ERR_NONE);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	char command[128];

	session_people_free(world->people);
	snprintf(command, sizeof(command), "rm -rf %s", world->directory);
	assert_int_equal(system(command), 0);
	free(world);
	return 0;
}

static void add(
    struct world *world, const char *session, const char *who, pid_t guest)
{
	struct session_person person = {.guest = guest};

	snprintf(person.session, sizeof(person.session), "%s", session);
	snprintf(person.user, sizeof(person.user), "counter");
	snprintf(person.person, sizeof(person.person), "%s", who);
	session_people_add(world->people, &person);
}

/* "s1 s2" */
static void expect(struct world *world, const char *session, const char *whom)
{
	struct session_person found[SESSION_PEOPLE_EACH_MAX];
	size_t count = session_people_of(world->people, session, found);
	char text[512] = "";

	for (size_t i = 0; i < count; i++) {
		strcat(text, i > 0 ? " " : "");
		strcat(text, found[i].person);
	}
	assert_string_equal(text, whom);
}

static bool exists(void *context, const char *session)
{
	const struct world *world = context;

	return !world->gone || strcmp(session, world->gone) != 0;
}

static void tidy(struct world *world)
{
	session_people_tidy(world->people, exists, world);
}

static void restart(struct world *world)
{
	tidy(world);
	session_people_free(world->people);
	assert_int_equal(
	    session_people_new(world->directory, &world->people), ERR_NONE);
}

static void the_first_has_it(void **state)
{
	struct world *world = *state;

	add(world, "1", "s1", 0);
	add(world, "1", "s2", 0);
	add(world, "2", "s2", 0);
	expect(world, "1", "s1");
	expect(world, "2", "s2");
	expect(world, "3", "");
}

static void guests_are_there_until_they_leave(void **state)
{
	struct world *world = *state;

	add(world, "1", "s1", 0);
	add(world, "1", "s1", getpid()); /* sudo by himself */
	expect(world, "1", "s1");
	add(world, "1", "s2", getpid());
	expect(world, "1", "s1 s2");
	session_people_end_guest(world->people, getppid());
	expect(world, "1", "s1 s2");
	session_people_end_guest(world->people, getpid());
	expect(world, "1", "s1");
}

static void a_guest_whose_process_ended_has_left(void **state)
{
	struct world *world = *state;
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	add(world, "1", "s1", 0);
	add(world, "1", "s2", child);
	add(world, "1", "s3", getpid());
	tidy(world);
	expect(world, "1", "s1 s3");
}

static void the_last_to_unlock_counts(void **state)
{
	struct world *world = *state;

	add(world, "1", "s1", 0);
	add(world, "1", "s2", -1);
	add(world, "2", "s2", -1);
	add(world, "1", "s3", -1);
	expect(world, "1", "s1 s3");
	expect(world, "2", "s2");
	add(world, "1", "s1", -1); /* who has it: he is alone again */
	expect(world, "1", "s1");
}

static void a_session_that_ended_is_forgotten(void **state)
{
	struct world *world = *state;

	add(world, "1", "s1", 0);
	add(world, "2", "s2", 0);
	world->gone = "1";
	tidy(world);
	expect(world, "1", "");
	expect(world, "2", "s2");
}

static void a_restart_forgets_nothing(void **state)
{
	struct world *world = *state;

	add(world, "1", "s1", 0);
	add(world, "1", "s2", getpid());
	add(world, "1", "s3", -1);
	restart(world);
	expect(world, "1", "s1 s2 s3");
	add(world, "1", "s4", 0);
	session_people_end_guest(world->people, getpid());
	restart(world);
	expect(world, "1", "s1 s3");
	world->gone = "1";
	restart(world);
	assert_false(state_has(world->directory, SESSION_PEOPLE_FILE));
}

static void the_oldest_goes_when_there_is_no_room(void **state)
{
	struct world *world = *state;
	char session[16];

	for (int i = 0; i <= SESSION_PEOPLE_MAX; i++) {
		snprintf(session, sizeof(session), "%d", i);
		add(world, session, "s1", 0);
	}
	expect(world, "0", "");
	expect(world, "1", "s1");
	expect(world, session, "s1");
	restart(world);
	expect(world, session, "s1");
}

/* As many as sessions are asked about in a freeze, whatever they are called. */
static void a_full_house_outlives_a_restart(void **state)
{
	struct world *world = *state;
	struct session_person person = {0}, found[SESSION_PEOPLE_EACH_MAX];
	char session[16];

	assert_true((int)SESSION_PEOPLE_MAX >= (int)LOGIND_SESSIONS_MAX);
	memset(person.user, 'u', NAME_BYTES_MAX);
	memset(person.person, 'p', NAME_BYTES_MAX);
	for (int i = 0; i < LOGIND_SESSIONS_MAX; i++) {
		snprintf(person.session, sizeof(person.session), "%d", i);
		session_people_add(world->people, &person);
	}
	restart(world);
	for (int i = 0; i < LOGIND_SESSIONS_MAX; i++) {
		snprintf(session, sizeof(session), "%d", i);
		assert_int_equal(
		    session_people_of(world->people, session, found), 1);
		assert_string_equal(found[0].person, person.person);
	}
}

static void another_file_or_boot_is_none(void **state)
{
	static const char *const texts[] = {"", "{}", "[]",
	    "{\"boot\":\"00000000000000000000000000000000\",\"people\":[]}",
	    "{\"boot\":\"00000000000000000000000000000000\",\"people\":["
	    "{\"session\":\"1\",\"user\":\"u\",\"person\":\"s1\",\"guest\":"
	    "0}]}",
	    "{\"boot\":\"x\",\"people\":[{\"session\":\"1\"}]}"};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(
		    state_write(world->directory, SESSION_PEOPLE_FILE, 0600,
			texts[i], strlen(texts[i])),
		    ERR_NONE);
		session_people_free(world->people);
		assert_int_equal(
		    session_people_new(world->directory, &world->people),
		    ERR_NONE);
		expect(world, "1", "");
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(the_first_has_it),
	    TEST(guests_are_there_until_they_leave),
	    TEST(a_guest_whose_process_ended_has_left),
	    TEST(the_last_to_unlock_counts),
	    TEST(a_session_that_ended_is_forgotten),
	    TEST(a_restart_forgets_nothing),
	    TEST(the_oldest_goes_when_there_is_no_room),
	    TEST(a_full_house_outlives_a_restart),
	    TEST(another_file_or_boot_is_none),
	};

	return cmocka_run_group_tests_name("session_people", tests, NULL, NULL);
}
