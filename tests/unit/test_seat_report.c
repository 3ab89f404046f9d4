/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server is told of locked sessions: once each, in order, again when
 * it did not answer, not again when it refused.
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

#include "pam_module/agent/seat_report.h"
#include "pam_module/agent/steady.h"

enum {
	CALLS_MAX = 8,
	BODY_SIZE = 512,
	WAIT_MS = 10000,
};

struct place {
	pthread_mutex_t lock;
	int status[CALLS_MAX]; /* of the answer to each call; 0: none */
	size_t calls;
	char bodies[CALLS_MAX][BODY_SIZE];
	struct seat_reporter *reporter;
	struct seat_report report;
};

static enum err answer(void *context, const struct server_request *request,
    struct server_reply *out)
{
	struct place *place = context;
	int status;

	assert_string_equal(request->path, "/v1/sessions");
	pthread_mutex_lock(&place->lock);
	assert_true(place->calls < CALLS_MAX);
	snprintf(place->bodies[place->calls], BODY_SIZE, "%s", request->body);
	status = place->status[place->calls++];
	pthread_mutex_unlock(&place->lock);
	if (status == 0)
		return ERR_UNREACHABLE;
	*out = (struct server_reply){
	    .status = status, .body = strdup("{}"), .length = 2};
	return ERR_NONE;
}

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	const struct server_call server = {.perform = answer, .context = place};

	assert_non_null(place);
	pthread_mutex_init(&place->lock, NULL);
	for (size_t i = 0; i < CALLS_MAX; i++)
		place->status[i] = 200;
	assert_int_equal(
	    seat_reporter_start(&server, &place->reporter), ERR_NONE);
	place->report = seat_reporter_report(place->reporter);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	seat_reporter_stop(place->reporter);
	pthread_mutex_destroy(&place->lock);
	free(place);
	return 0;
}

static void tell(struct place *place, const char *user,
    enum card_removed removed, enum seat_reason reason)
{
	struct seat seat = {.removed = removed};

	snprintf(seat.opened.user, sizeof(seat.opened.user), "%s", user);
	snprintf(seat.opened.service, sizeof(seat.opened.service), "login");
	place->report.tell(place->report.context, &seat, reason);
}

static void wait_calls(struct place *place, size_t calls)
{
	int64_t end_ms = steady_ms() + WAIT_MS;
	size_t seen;

	do {
		(void)poll(NULL, 0, 5);
		pthread_mutex_lock(&place->lock);
		seen = place->calls;
		pthread_mutex_unlock(&place->lock);
		assert_true(steady_ms() < end_ms);
	} while (seen < calls);
	(void)poll(NULL, 0, 50);
	assert_int_equal(place->calls, calls);
}

static void each_is_told_once_and_in_order(void **state)
{
	struct place *place = *state;

	tell(place, "alice", CARD_REMOVED_LOCK, SEAT_CARD_REMOVED);
	tell(place, "bob", CARD_REMOVED_LOGOUT, SEAT_WATCHER_FAILED);
	wait_calls(place, 2);
	assert_string_equal(place->bodies[0],
	    "{\"event\":\"locked\",\"reason\":\"card_removed\","
	    "\"user\":\"alice\",\"service\":\"login\"}");
	assert_string_equal(place->bodies[1],
	    "{\"event\":\"logged_out\",\"reason\":\"watcher_failed\","
	    "\"user\":\"bob\",\"service\":\"login\"}");
}

static void what_was_not_answered_is_told_again(void **state)
{
	struct place *place = *state;
	int64_t start_ms = steady_ms();

	place->status[0] = 0;
	tell(place, "alice", CARD_REMOVED_LOCK, SEAT_CARD_REMOVED);
	wait_calls(place, 2);
	assert_true(steady_ms() - start_ms >= SEAT_REPORT_RETRY_MS);
	assert_string_equal(place->bodies[0], place->bodies[1]);
}

static void what_was_refused_is_given_up(void **state)
{
	struct place *place = *state;

	place->status[0] = 403;
	tell(place, "alice", CARD_REMOVED_LOCK, SEAT_CARD_REMOVED);
	tell(place, "bob", CARD_REMOVED_LOCK, SEAT_CARD_REMOVED);
	wait_calls(place, 2);
	assert_non_null(strstr(place->bodies[1], "bob"));
}

static void more_than_can_wait_push_out_the_oldest(void **state)
{
	struct place *place = *state;
	char user[16];

	place->status[0] = 0;
	tell(place, "first", CARD_REMOVED_LOCK, SEAT_CARD_REMOVED);
	wait_calls(place, 1);
	for (int i = 0; i < SEAT_REPORTS_MAX; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		tell(place, user, CARD_REMOVED_LOCK, SEAT_CARD_REMOVED);
	}
	place->status[2] = 0; /* enough is seen */
	wait_calls(place, 3);
	assert_non_null(strstr(place->bodies[1], "\"u0\""));
	assert_non_null(strstr(place->bodies[2], "\"u1\""));
}

static void a_stop_does_not_wait_for_the_next_try(void **state)
{
	struct place *place = *state;
	int64_t start_ms;

	place->status[0] = 0;
	tell(place, "alice", CARD_REMOVED_LOCK, SEAT_CARD_REMOVED);
	wait_calls(place, 1);
	start_ms = steady_ms();
	seat_reporter_stop(place->reporter);
	place->reporter = NULL;
	assert_true(steady_ms() - start_ms < SEAT_REPORT_RETRY_MS / 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_is_told_once_and_in_order),
	    TEST(what_was_not_answered_is_told_again),
	    TEST(what_was_refused_is_given_up),
	    TEST(more_than_can_wait_push_out_the_oldest),
	    TEST(a_stop_does_not_wait_for_the_next_try),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
