/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket's deadline: a full backlog, a peer that takes nothing, half a
 * frame, and a frame in many small pieces. The peer is in this process.
 */
#include "pam_module/agent_client.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/fake_agent.h"

struct place {
	char path[100];
	int listener;
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/sekimori-test-XXXXXX";

	assert_non_null(place);
	assert_non_null(mkdtemp(dir));
	(void)snprintf(place->path, sizeof(place->path), "%s/sock", dir);
	(void)strcpy(address.sun_path, place->path);
	place->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    bind(place->listener, (struct sockaddr *)&address, sizeof(address)),
	    0);
	assert_int_equal(listen(place->listener, 0), 0);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	(void)close(place->listener);
	(void)unlink(place->path);
	*strrchr(place->path, '/') = '\0';
	(void)rmdir(place->path);
	free(place);
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void client_open(
    struct agent_client *client, const struct place *place, int wait_ms)
{
	agent_client_init(client);
	assert_int_equal(agent_client_allow(client, wait_ms), ERR_NONE);
	assert_int_equal(agent_client_connect(client, place->path), ERR_NONE);
}

static void a_full_backlog_is_waited_for_until_the_deadline(void **state)
{
	const struct place *place = *state;
	struct agent_client first, second, third;
	int64_t start_ms;

	client_open(&first, place, 300);
	agent_client_init(&second);
	assert_int_equal(agent_client_allow(&second, 300), ERR_NONE);
	start_ms = now_ms();
	assert_int_equal(
	    agent_client_connect(&second, place->path), ERR_TIMEOUT);
	assert_in_range(now_ms() - start_ms, 290, 600);
	assert_int_equal(second.socket, -1);
	assert_true(fcntl(first.socket, F_GETFD) & FD_CLOEXEC);
	/* Once there is room again, one more fits. */
	(void)close(accept(place->listener, NULL, NULL));
	client_open(&third, place, 300);
	agent_client_close(&third);
	agent_client_close(&first);
}

static void without_a_deadline_nothing_is_done(void **state)
{
	const struct place *place = *state;
	struct agent_client client;

	agent_client_init(&client);
	assert_int_equal(
	    agent_client_connect(&client, place->path), ERR_TIMEOUT);
	agent_client_close(&client);
	agent_client_close(&client);
}

static void paths_that_lead_nowhere(void **state)
{
	static const struct {
		const char *path;
		enum err err;
	} rows[] = {
	    {"/nonexistent/sock", ERR_UNREACHABLE},
	    {"/tmp", ERR_UNREACHABLE},
	    {"", ERR_UNREACHABLE},
	    {"/12345678901234567890123456789012345678901234567890123456789012"
	     "3456789012345678901234567890123456789012345678",
		ERR_TOO_LONG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct agent_client client;

		agent_client_init(&client);
		(void)agent_client_allow(&client, 200);
		if (agent_client_connect(&client, rows[i].path) !=
			rows[i].err ||
		    client.socket != -1)
			fail_msg("row %zu", i);
	}
}

static void a_peer_that_reads_nothing_ends_in_a_timeout(void **state)
{
	const struct place *place = *state;
	struct agent_client client;
	enum err err = ERR_NONE;

	client_open(&client, place, 400);
	for (int i = 0; i < 1000 && err == ERR_NONE; i++) {
		static const char text[3000];
		struct frame_writer writer = {0};

		frame_begin(&writer, FRAME_ANSWER);
		frame_put_bytes(&writer, FRAME_TEXT, text, sizeof(text));
		err = agent_client_send(&client, &writer);
		assert_int_equal(writer.length, 0);
	}
	assert_int_equal(err, ERR_TIMEOUT);
	agent_client_close(&client);
}

static void a_peer_that_left_is_an_error_and_no_signal(void **state)
{
	const struct place *place = *state;
	struct frame_writer writer = {0};
	struct agent_client client;
	struct frame frame;
	enum err err;

	client_open(&client, place, 400);
	(void)close(accept(place->listener, NULL, NULL));
	frame_begin(&writer, FRAME_CANCEL);
	err = agent_client_send(&client, &writer);
	assert_int_equal(err, ERR_UNREACHABLE);
	assert_int_equal(
	    agent_client_receive(&client, &frame), ERR_UNREACHABLE);
	agent_client_close(&client);
	assert_int_equal(
	    agent_client_receive(&client, &frame), ERR_UNREACHABLE);
}

/* length bytes of an accepting verdict, then silence. */
static enum err receive_part(
    struct place *place, size_t length, bool then_close)
{
	static const char verdict[] =
	    "\x00\x00\x00\x05\x12\x0a\x00\x01\x01\x00\x00";
	struct agent_client client;
	struct frame frame = {0};
	enum err err;
	int peer;

	client_open(&client, place, 150);
	peer = accept(place->listener, NULL, NULL);
	assert_int_equal(send(peer, verdict, length, 0), length);
	if (then_close)
		(void)close(peer);
	err = agent_client_receive(&client, &frame);
	if (err == ERR_NONE)
		assert_int_equal(frame.type, FRAME_VERDICT);
	else
		assert_int_equal(frame.type, 0);
	agent_client_close(&client);
	if (!then_close)
		(void)close(peer);
	return err;
}

static void only_a_whole_frame_is_a_frame(void **state)
{
	struct place *place = *state;

	for (size_t length = 0; length <= 11; length++) {
		bool whole = length >= 9;

		if (receive_part(place, length, false) !=
			(whole ? ERR_NONE : ERR_TIMEOUT) ||
		    receive_part(place, length, true) !=
			(whole ? ERR_NONE : ERR_UNREACHABLE))
			fail_msg("length %zu", length);
	}
}

static void low_descriptors_are_left_to_the_host(void **state)
{
	const struct place *place = *state;
	int saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
	struct agent_client client;

	assert_true(saved >= 0);
	(void)close(STDIN_FILENO);
	client_open(&client, place, 300);
	assert_true(client.socket > STDERR_FILENO);
	assert_true(fcntl(client.socket, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(client.socket, F_GETFL) & O_NONBLOCK);
	assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), -1);
	agent_client_close(&client);
	assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
	(void)close(saved);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_full_backlog_is_waited_for_until_the_deadline),
	    TEST(without_a_deadline_nothing_is_done),
	    TEST(paths_that_lead_nowhere),
	    TEST(a_peer_that_reads_nothing_ends_in_a_timeout),
	    TEST(a_peer_that_left_is_an_error_and_no_signal),
	    TEST(only_a_whole_frame_is_a_frame),
	    TEST(low_descriptors_are_left_to_the_host),
	};

	if (!fake_become_root()) {
		print_message("skipped: needs root or user namespaces\n");
		return 0;
	}
	return cmocka_run_group_tests_name("agent_client", tests, NULL, NULL);
}
