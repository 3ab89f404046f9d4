/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network side among clients that idle, drip, flood and talk nonsense:
 * others are served meanwhile, and every one of them ends.
 */
#include "tests/support/http_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void idle_connections_stop_nobody(void **state)
{
	struct world *world = *state;
	int idle[500];
	struct client client;
	double start = now();

	for (int i = 0; i < 500; i++)
		idle[i] = connect_tcp(world);
	client = connect_tls(world, &world->terminal);
	expect(&client, GET("/counts"), "HTTP/1.1 200 ", "connections=501 ");
	assert_true(now() - start < 5);
	for (int i = 0; i < 500; i++)
		close(idle[i]);
	for (int i = 0; i < 20; i++)
		usleep(20000);
	expect(&client, GET("/counts"), "HTTP/1.1 200 ", "connections=1 ");
	disconnect(&client);
}

static double cpu_seconds(pid_t pid)
{
	char path[64];
	char text[512] = "";
	unsigned long user = 0, system = 0;
	FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	assert_int_equal(sscanf(strrchr(text, ')') + 2,
			     "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
			     "%lu %lu",
			     &user, &system),
	    2);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* Out of files the oldest stranger goes, known peers stay, and the loop does
 * not spin. */
static void no_file_left(void **state)
{
	struct world *world = *state;
	int idle[60];
	struct client known = connect_tls(world, &world->terminal);
	struct client client;
	double used = 0;

	expect(&known, GET("/who"), "HTTP/1.1 200 ", "kind=1");
	for (int i = 0; i < 60; i++)
		idle[i] = connect_tcp(world);
	used = cpu_seconds(world->server_pid);
	sleep(1);
	assert_true(cpu_seconds(world->server_pid) - used < 0.5);
	client = connect_tls(world, &world->terminal);
	expect(&client, GET("/who"), "HTTP/1.1 200 ", "kind=1");
	expect(&known, GET("/who"), "HTTP/1.1 200 ", "kind=1");
	disconnect(&client);
	disconnect(&known);
	for (int i = 0; i < 60; i++)
		close(idle[i]);
}

/* At the limit strangers make room for strangers, and terminals stay. */
static void the_limit_pushes_out_strangers(void **state)
{
	enum {
		MANY = HTTP_CONNECTIONS_MAX + 100
	};
	struct world *world = *state;
	int *idle = NULL;
	struct rlimit files;
	struct client known;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 ||
	    files.rlim_cur < MANY + 100)
		skip();
	idle = calloc(MANY, sizeof(*idle));
	known = connect_tls(world, &world->terminal);
	expect(&known, GET("/who"), "HTTP/1.1 200 ", "kind=1");
	for (int i = 0; i < MANY; i++)
		idle[i] = connect_tcp(world);
	expect(&known, GET("/counts"), "HTTP/1.1 200 ", "connections=4096 ");
	for (int i = 0; i < MANY; i++)
		close(idle[i]);
	disconnect(&known);
	free(idle);
}

/* What is left to read before the server's end. */
static size_t drain(struct client *client)
{
	char scrap[65536];
	size_t total = 0;

	for (ssize_t got = 1; got > 0; total += got > 0 ? (size_t)got : 0)
		got = client_read(client, scrap, sizeof(scrap));
	return total;
}

/* One byte a second, in four places, ends with the deadline. */
static void dripping_ends_with_the_deadline(void **state)
{
	struct world *world = *state;
	struct client drips[4] = {connect_tls(world, &world->terminal),
	    connect_tls(world, &world->terminal), connect_local(world),
	    {connect_tcp(world), NULL}};
	struct client client = connect_tls(world, &world->terminal);
	const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
			     "abcd";
	struct client deaf = connect_local(world);
	double start = now();
	double ended[4] = {0};

	/* asks for twenty megabytes and reads none of them */
	client_say(&deaf, GET("/file"));
	client_say(&drips[1], POST_HEAD("/echo", "100"));
	for (int turn = 0; now() - start < 13; turn++) {
		for (int i = 0; i < 4; i++) {
			char byte;
			const char *next = i == 3 ? &hello[turn % 14] : "G";

			if (ended[i] > 0)
				continue;
			send(drips[i].fd, "", 0, 0);
			if (!client_write(&drips[i], next, 1) ||
			    recv(drips[i].fd, &byte, 1,
				MSG_PEEK | MSG_DONTWAIT) == 0)
				ended[i] = now() - start;
		}
		expect(&client, GET("/who"), "HTTP/1.1 200 ", "");
		usleep(500000);
	}
	for (int i = 0; i < 4; i++) {
		print_message("drip %d ended after %.1f s\n", i, ended[i]);
		assert_true(ended[i] > 9 && ended[i] < 12.5);
		disconnect(&drips[i]);
	}
	assert_true(drain(&deaf) < FILE_BYTES / 2);
	disconnect(&deaf);
	expect(&client, GET("/counts"), "HTTP/1.1 200 ", "timeouts=5 ");
	disconnect(&client);
}

/* Connections of terminals are not pushed out by strangers, and whoever comes
 * is a stranger until his handshake is over: so one terminal may not have all
 * of them. Its own oldest goes. */
static void one_terminal_takes_not_every_place(void **state)
{
	enum {
		MORE = HTTP_TERMINAL_CONNECTIONS_MAX + 20
	};
	struct world *world = *state;
	struct client many[MORE], local = connect_local(world);
	char wanted[32];

	for (int i = 0; i < MORE; i++)
		many[i] = connect_tls(world, &world->terminal);
	snprintf(wanted, sizeof(wanted), "connections=%d ",
	    HTTP_TERMINAL_CONNECTIONS_MAX + 1);
	expect(&local, GET("/counts"), "HTTP/1.1 200 ", wanted);
	expect(&many[MORE - 1], GET("/who"), "HTTP/1.1 200 ", "");
	assert_true(is_closed(&many[0]));
	for (int i = 0; i < MORE; i++)
		disconnect(&many[i]);
	disconnect(&local);
}

static void garbage_is_counted(void **state)
{
	struct world *world = *state;
	struct client client = {connect_tcp(world), NULL};

	client_say(&client, GET("/who"));
	assert_true(is_closed(&client));
	disconnect(&client);
	client = connect_local(world);
	client_say(&client, "\x16\x03\x01");
	assert_false(is_closed(&client)); /* 400, in words */
	disconnect(&client);
	client = connect_local(world);
	expect(&client, GET("/counts"), "HTTP/1.1 200 ",
	    "malformed=1 timeouts=0 handshakes_failed=1");
	disconnect(&client);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, world_start, world_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(idle_connections_stop_nobody),
	    cmocka_unit_test_setup_teardown(
		no_file_left, world_start_few_files, world_stop),
	    TEST(the_limit_pushes_out_strangers),
	    TEST(one_terminal_takes_not_every_place),
	    TEST(dripping_ends_with_the_deadline),
	    TEST(garbage_is_counted),
	};

	return cmocka_run_group_tests_name("http_hostile", tests, NULL, NULL);
}
