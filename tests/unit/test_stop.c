/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The emergency stop in the agent: whose sessions are locked, ended or left,
 * when, how often, and that trouble with the server or logind locks nobody
 * and is got over. Server and logind are made here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "pam_module/agent/steady.h"
#include "pam_module/agent/stop.h"
#include "pam_module/agent/unlockings.h"
#include "shared/json.h"

enum {
	WAIT_MS = 6000,
	QUIET_MS = 300,
	HOLD_MS = 400,
	SESSIONS = 3,
};

/* The threads of the stop and the test meet here. */
struct world {
	char directory[64];
	pthread_mutex_t lock;
	pthread_cond_t change;
	/* server */
	char stopped[64]; /* staff number or account; "*": everybody */
	int status;       /* of its answers; 0: it is away */
	bool holds_none;  /* it answers waiting calls at once */
	unsigned number, asks, waits;
	bool ended; /* the waiting call */
	/* logind */
	size_t sessions;
	struct logind_open open[SESSIONS];
	enum err answer;
	bool none; /* runs here */
	unsigned locks[SESSIONS], ends[SESSIONS], tells;
	char told[16]; /* the last */
	int news;
	struct session_people *people;
	enum stop_text_sessions text;
	struct stop *stop;
};

static struct world *the_world; /* logind's list has no context */

static bool is_stopped(const struct world *world, json_t *session)
{
	const char *person =
	    json_string_value(json_object_get(session, "person"));
	const char *user = json_string_value(json_object_get(session, "user"));

	return strcmp(world->stopped, "*") == 0 ||
	       strcmp(world->stopped, person ? person : user) == 0;
}

static json_t *answer_ask(struct world *world, const char *body)
{
	json_t *asked = json_loads(body, 0, NULL), *answers = json_array();
	json_t *session, *sessions = json_object_get(asked, "sessions");
	char number[32];
	size_t i;

	json_array_foreach(sessions, i, session) json_array_append_new(
	    answers, json_boolean(is_stopped(world, session)));
	json_decref(asked);
	snprintf(number, sizeof(number), "n.%u", world->number);
	return json_pack("{s:s,s:o}", "since", number, "stopped", answers);
}

static enum err reply(
    const struct world *world, json_t *object, struct server_reply *out)
{
	out->status = world->status;
	out->body = json_dumps(object, JSON_COMPACT);
	out->length = strlen(out->body);
	json_decref(object);
	return ERR_NONE;
}

static enum err on_ask(void *context, const struct server_request *request,
    struct server_reply *out)
{
	struct world *world = context;
	enum err err = ERR_UNREACHABLE;

	pthread_mutex_lock(&world->lock);
	world->asks++;
	if (world->status != 0)
		err = reply(world, answer_ask(world, request->body), out);
	pthread_mutex_unlock(&world->lock);
	return err;
}

static enum err on_wait(void *context, const struct server_request *request,
    struct server_reply *out)
{
	struct world *world = context;
	struct timespec until;
	char number[32];
	unsigned before;
	enum err err = ERR_UNREACHABLE;
	int failed = 0;

	assert_int_equal(
	    sscanf(request->body, "{\"since\":\"n.%u\"}", &before), 1);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += HOLD_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&world->lock);
	world->waits++;
	while (world->status == 200 && !world->ended && failed == 0 &&
	       !world->holds_none && world->number == before)
		failed = pthread_cond_timedwait(
		    &world->change, &world->lock, &until);
	if (world->status != 0 && !world->ended) {
		snprintf(number, sizeof(number), "n.%u", world->number);
		err = reply(world, json_pack("{s:s}", "since", number), out);
	}
	pthread_mutex_unlock(&world->lock);
	return err;
}

static void on_end_wait(void *context)
{
	struct world *world = context;

	pthread_mutex_lock(&world->lock);
	world->ended = true;
	pthread_cond_broadcast(&world->change);
	pthread_mutex_unlock(&world->lock);
}

static enum err on_list(
    struct logind_open **out, size_t *out_count, bool *out_more)
{
	struct world *world = the_world;

	pthread_mutex_lock(&world->lock);
	*out = calloc(SESSIONS + 1, sizeof(**out));
	memcpy(*out, world->open, sizeof(world->open));
	*out_count = world->sessions;
	*out_more = false;
	if (world->none) {
		free(*out);
		*out = NULL;
	}
	pthread_mutex_unlock(&world->lock);
	return *out ? ERR_NONE : ERR_NOT_FOUND;
}

static enum err act(struct world *world, const char *session, unsigned *counts)
{
	enum err err;

	pthread_mutex_lock(&world->lock);
	err = world->answer;
	counts[session[0] - '0']++;
	pthread_mutex_unlock(&world->lock);
	return err;
}

static enum err on_lock(void *context, const char *session)
{
	struct world *world = context;

	return act(world, session, world->locks);
}

static enum err on_end(void *context, const char *session)
{
	struct world *world = context;

	return act(world, session, world->ends);
}

static bool on_exists(void *context, const char *session)
{
	(void)context;
	(void)session;
	return true;
}

static int on_news_fd(void *context)
{
	return ((struct world *)context)->news;
}

static void on_seen(void *context)
{
	eventfd_t unused;

	(void)eventfd_read(((struct world *)context)->news, &unused);
}

static void on_tell(
    void *context, const struct session *session, const char *event)
{
	struct world *world = context;

	assert_true(session->user[0] != '\0' && session->service[0] != '\0');
	pthread_mutex_lock(&world->lock);
	snprintf(world->told, sizeof(world->told), "%s", event);
	world->tells++;
	pthread_mutex_unlock(&world->lock);
}

static void start(struct world *world)
{
	const struct stop_setup setup = {
	    .ask = {.perform = on_ask, .context = world},
	    .wait = {.perform = on_wait, .context = world},
	    .end_wait = on_end_wait,
	    .end_wait_context = world,
	    .logind = {.exists = on_exists,
		.lock = on_lock,
		.end = on_end,
		.context = world},
	    .list = on_list,
	    .news_fd = on_news_fd,
	    .seen = on_seen,
	    .news_context = world,
	    .people = world->people,
	    .text = world->text,
	    .tell = on_tell,
	    .tell_context = world};

	assert_int_equal(stop_start(&setup, &world->stop), ERR_NONE);
}

/* Session 0: alice's desktop; 1: alice's over ssh; 2: bob's desktop. */
static int setup(void **state)
{
	static const char *const users[SESSIONS] = {"alice", "alice", "bob"};
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	the_world = world;
	pthread_mutex_init(&world->lock, NULL);
	pthread_cond_init(&world->change, NULL);
	strcpy(world->directory, "/tmp/sekimori-stop-XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	assert_int_equal(
	    session_people_new(world->directory, &world->people), ERR_NONE);
	world->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	world->status = 200;
	world->sessions = SESSIONS;
	for (size_t i = 0; i < SESSIONS; i++) {
		world->open[i].id[0] = (char)('0' + i);
		strcpy(world->open[i].user, users[i]);
		strcpy(world->open[i].service, "gdm-password");
		world->open[i].is_graphical = i != 1;
	}
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	int64_t start_ms = steady_ms();
	char command[128];

	stop_end(world->stop);
	assert_true(steady_ms() - start_ms < QUIET_MS);
	session_people_free(world->people);
	snprintf(command, sizeof(command), "rm -rf %s", world->directory);
	assert_int_equal(system(command), 0);
	close(world->news);
	pthread_cond_destroy(&world->change);
	pthread_mutex_destroy(&world->lock);
	free(world);
	return 0;
}

static void stop_whom(struct world *world, const char *whom)
{
	pthread_mutex_lock(&world->lock);
	snprintf(world->stopped, sizeof(world->stopped), "%s", whom);
	world->number++;
	pthread_cond_broadcast(&world->change);
	pthread_mutex_unlock(&world->lock);
}

static unsigned look_at(struct world *world, const unsigned *count)
{
	unsigned seen;

	pthread_mutex_lock(&world->lock);
	seen = *count;
	pthread_mutex_unlock(&world->lock);
	return seen;
}

static void wait_count(
    struct world *world, const unsigned *count, unsigned at_least)
{
	int64_t end_ms = steady_ms() + WAIT_MS;

	while (look_at(world, count) < at_least) {
		assert_true(steady_ms() < end_ms);
		(void)poll(NULL, 0, 5);
	}
}

static void expect_untouched(struct world *world, size_t session)
{
	assert_int_equal(look_at(world, &world->locks[session]), 0);
	assert_int_equal(look_at(world, &world->ends[session]), 0);
}

static void quiet(void)
{
	(void)poll(NULL, 0, QUIET_MS);
}

static void add_person(
    struct world *world, const char *session, const char *who, pid_t guest)
{
	struct session_person person = {.guest = guest};

	strcpy(person.session, session);
	strcpy(person.user, "alice");
	strcpy(person.person, who);
	session_people_add(world->people, &person);
}

static void who_is_stopped_and_nobody_else(void **state)
{
	struct world *world = *state;

	start(world);
	wait_count(world, &world->waits, 1);
	stop_whom(world, "alice");
	wait_count(world, &world->locks[0], 1);
	wait_count(world, &world->ends[1], 1);
	quiet();
	expect_untouched(world, 2);
	assert_int_equal(look_at(world, &world->ends[0]), 0);
	assert_int_equal(look_at(world, &world->locks[1]), 0);
}

/* For as long as it is so, and told once. */
static void again_in_each_round(void **state)
{
	struct world *world = *state;

	start(world);
	stop_whom(world, "*");
	wait_count(world, &world->locks[0], 3);
	assert_int_equal(look_at(world, &world->tells), SESSIONS);
	stop_whom(world, "nobody");
	quiet();
	memset(world->locks, 0, sizeof(world->locks));
	(void)poll(NULL, 0, HOLD_MS * 2);
	expect_untouched(world, 0);
	stop_whom(world, "bob");
	wait_count(world, &world->tells, SESSIONS + 1);
}

static void what_was_stopped_before_is_found(void **state)
{
	struct world *world = *state;

	stop_whom(world, "bob");
	start(world);
	wait_count(world, &world->locks[2], 1);
	expect_untouched(world, 0);
}

static void a_session_that_opens_is_asked_about(void **state)
{
	struct world *world = *state;

	world->sessions = 2;
	strcpy(world->stopped, "bob");
	start(world);
	wait_count(world, &world->waits, 1);
	pthread_mutex_lock(&world->lock);
	world->sessions = SESSIONS;
	pthread_mutex_unlock(&world->lock);
	(void)eventfd_write(world->news, 1);
	wait_count(world, &world->locks[2], 1);
	expect_untouched(world, 0);
}

static void of_a_shared_account_the_person_counts(void **state)
{
	struct world *world = *state;

	add_person(world, "0", "s1", 0);
	add_person(world, "1", "s2", 0);
	start(world);
	stop_whom(world, "alice");
	quiet();
	expect_untouched(world, 0);
	expect_untouched(world, 1);
	stop_whom(world, "s1");
	wait_count(world, &world->locks[0], 1);
	quiet();
	expect_untouched(world, 1);
}

static void a_guest_counts_until_he_leaves(void **state)
{
	struct world *world = *state;

	add_person(world, "2", "s9", getpid());
	start(world);
	stop_whom(world, "s9");
	wait_count(world, &world->locks[2], 1);
	session_people_end_guest(world->people, getpid());
	stop_look(world->stop);
	(void)poll(NULL, 0, HOLD_MS * 2);
	pthread_mutex_lock(&world->lock);
	world->locks[2] = 0;
	pthread_mutex_unlock(&world->lock);
	(void)poll(NULL, 0, HOLD_MS * 2);
	expect_untouched(world, 2);
}

static void unlock(struct world *world, const char *login, const char *user)
{
	struct unlocking unlocking = {.person = "s9"};

	strcpy(unlocking.login, login);
	strcpy(unlocking.user, user);
	unlockings_put(session_people_unlockings(world->people), &unlocking,
	    steady_ms() - UNLOCKING_WAIT_MS + QUIET_MS);
	stop_look(world->stop);
}

/* bob has one desktop; alice got another. */
static void who_opened_no_session_unlocked_the_only_desktop(void **state)
{
	struct world *world = *state;

	world->open[1].is_graphical = true;
	start(world);
	stop_whom(world, "s9");
	unlock(world, "first", "alice");
	unlock(world, "second", "bob");
	unlockings_drop(session_people_unlockings(world->people), "second");
	(void)poll(NULL, 0, QUIET_MS * 3);
	for (size_t s = 0; s < SESSIONS; s++)
		expect_untouched(world, s);
	unlock(world, "third", "bob");
	wait_count(world, &world->locks[2], 1);
	expect_untouched(world, 0);
	expect_untouched(world, 1);
}

static void trouble_with_the_server_locks_nobody(void **state)
{
	static const int statuses[] = {0, 403, 404, 429, 500, 503};
	struct world *world = *state;

	strcpy(world->stopped, "*");
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		world->status = statuses[i];
		world->ended = false;
		start(world);
		wait_count(world, &world->asks, 1);
		quiet();
		for (size_t s = 0; s < SESSIONS; s++)
			expect_untouched(world, s);
		stop_end(world->stop);
		world->stop = NULL;
		world->asks = 0;
	}
}

static void a_server_that_comes_back_is_asked(void **state)
{
	struct world *world = *state;

	world->status = 0;
	strcpy(world->stopped, "bob");
	start(world);
	wait_count(world, &world->asks, 1);
	pthread_mutex_lock(&world->lock);
	world->status = 200;
	pthread_mutex_unlock(&world->lock);
	wait_count(world, &world->locks[2], 1);
}

static void a_server_that_holds_no_call_is_not_stormed(void **state)
{
	struct world *world = *state;

	world->holds_none = true;
	start(world);
	(void)poll(NULL, 0, 1000);
	assert_in_range(look_at(world, &world->waits), 1, 3);
	stop_whom(world, "bob");
	wait_count(world, &world->locks[2], 1);
}

static void what_logind_refuses_is_tried_until_it_is_done(void **state)
{
	struct world *world = *state;

	world->answer = ERR_NOT_ALLOWED;
	start(world);
	stop_whom(world, "bob");
	wait_count(world, &world->locks[2], 3);
	assert_int_equal(look_at(world, &world->tells), 0);
	pthread_mutex_lock(&world->lock);
	world->answer = ERR_NONE;
	pthread_mutex_unlock(&world->lock);
	wait_count(world, &world->tells, 1);
}

static void without_logind_nobody_waits(void **state)
{
	struct world *world = *state;

	world->none = true;
	start(world);
	quiet();
	assert_int_equal(look_at(world, &world->waits), 0);
	assert_int_equal(look_at(world, &world->asks), 0);
	pthread_mutex_lock(&world->lock);
	world->none = false;
	pthread_mutex_unlock(&world->lock);
	wait_count(world, &world->waits, 1);
}

static void text_sessions_can_be_left(void **state)
{
	struct world *world = *state;

	world->text = STOP_TEXT_LEAVE;
	start(world);
	stop_whom(world, "alice");
	wait_count(world, &world->tells, 2);
	quiet();
	expect_untouched(world, 1);
	assert_string_equal(world->told, "left_open");
	assert_int_equal(look_at(world, &world->tells), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(who_is_stopped_and_nobody_else),
	    TEST(again_in_each_round),
	    TEST(what_was_stopped_before_is_found),
	    TEST(a_session_that_opens_is_asked_about),
	    TEST(of_a_shared_account_the_person_counts),
	    TEST(a_guest_counts_until_he_leaves),
	    TEST(who_opened_no_session_unlocked_the_only_desktop),
	    TEST(trouble_with_the_server_locks_nobody),
	    TEST(a_server_that_comes_back_is_asked),
	    TEST(a_server_that_holds_no_call_is_not_stormed),
	    TEST(what_logind_refuses_is_tried_until_it_is_done),
	    TEST(without_logind_nobody_waits),
	    TEST(text_sessions_can_be_left),
	};

	return cmocka_run_group_tests_name("stop", tests, NULL, NULL);
}
