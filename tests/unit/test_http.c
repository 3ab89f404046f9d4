/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network side through real sockets: who is asking, what TLS agrees on,
 * requests in every shape, replies of every size, listeners.
 */
#include "tests/support/http_world.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* --- who is asking --- */

static void certificates_are_told_apart(void **state)
{
	struct world *world = *state;
	const struct {
		const struct identity *identity;
		const char *says;
	} rows[] = {
	    {NULL, "kind=0 presented=0 loopback=1"},
	    {&world->terminal, "kind=1 presented=1 loopback=1"},
	    {&world->foreign, "kind=0 presented=1"},
	    {&world->expired, "kind=0 presented=1"},
	    {&world->wrong_use, "kind=0 presented=1"},
	    {&world->authority, "kind=0 presented=1"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct client client = connect_tls(world, rows[i].identity);

		print_message("row %zu\n", i);
		expect(
		    &client, GET("/who"), "HTTP/1.1 200 OK\r\n", rows[i].says);
		disconnect(&client);
	}
}

static void a_terminal_is_named_by_its_hashes(void **state)
{
	struct world *world = *state;
	struct client client = connect_tls(world, &world->terminal);
	unsigned char fingerprint[CERTIFICATE_HASH_BYTES];
	unsigned char issuer[CERTIFICATE_HASH_BYTES];
	char text[128];

	certificate_fingerprint(world->terminal.certificate, fingerprint);
	certificate_spki_hash(world->authority.certificate, issuer);
	snprintf(text, sizeof(text),
	    "until=1 fingerprint=%02x%02x issuer=%02x%02x "
	    "address=127.0.0.1 id=16",
	    fingerprint[0], fingerprint[31], issuer[0], issuer[31]);
	expect(&client, GET("/who"), "HTTP/1.1 200", text);
	disconnect(&client);
}

static void the_admin_socket_knows_its_peer(void **state)
{
	struct world *world = *state;
	struct client client = connect_local(world);
	struct stat file;
	char text[128];

	assert_int_equal(stat(world->socket_path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	snprintf(text, sizeof(text),
	    "kind=2 presented=0 loopback=0 uid=%d "
	    "pid=%d",
	    (int)getuid(), (int)getpid());
	expect(&client, GET("/who"), "HTTP/1.1 200", text);
	disconnect(&client);
}

/* --- TLS --- */

static void only_tls_13_without_resumption(void **state)
{
	struct world *world = *state;
	struct client client;

	assert_false(try_connect(
	    world, &(struct offer){.version = TLS1_2_VERSION}, &client));
	client = connect_tls(world, &world->terminal);
	expect(&client, GET("/who"), "HTTP/1.1 200", "");
	assert_int_equal(SSL_version(client.ssl), TLS1_3_VERSION);
	assert_false(SSL_SESSION_is_resumable(SSL_get0_session(client.ssl)));
	disconnect(&client);
}

static void only_http_11_is_agreed_on(void **state)
{
	struct world *world = *state;
	struct client client;
	const unsigned char *chosen = NULL;
	unsigned int length = 0;

	assert_false(
	    try_connect(world, &(struct offer){.alpn = "\x02h2"}, &client));
	assert_true(try_connect(
	    world, &(struct offer){.alpn = "\x02h2\x08http/1.1"}, &client));
	SSL_get0_alpn_selected(client.ssl, &chosen, &length);
	assert_int_equal(length, 8);
	expect(&client, GET("/who"), "HTTP/1.1 200", "");
	disconnect(&client);
}

static void a_new_identity_is_for_new_connections(void **state)
{
	struct world *world = *state;
	struct client old = connect_tls(world, &world->terminal);
	struct client next;
	X509 *shown = NULL;

	expect(&old, GET("/swap"), "HTTP/1.1 200", "swapped");
	expect(&old, GET("/who"), "HTTP/1.1 200", "kind=1");
	next = connect_tls(world, &world->foreign);
	shown = SSL_get1_peer_certificate(next.ssl);
	assert_int_equal(X509_cmp(shown, world->other_server.certificate), 0);
	X509_free(shown);
	expect(&next, GET("/who"), "HTTP/1.1 200", "kind=1");
	disconnect(&next);
	next = connect_tls(world, &world->terminal);
	expect(&next, GET("/who"), "HTTP/1.1 200", "kind=0");
	disconnect(&next);
	disconnect(&old);
}

/* --- requests and replies --- */

static void many_requests_on_one_connection(void **state)
{
	struct world *world = *state;
	struct client client = connect_tls(world, &world->terminal);

	for (int i = 0; i < 100; i++)
		expect(&client, POST_HEAD("/echo", "7") "{\"a\":1}",
		    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		    "Content-Length: 7\r\nCache-Control: no-store\r\n\r\n",
		    "{\"a\":1}");
	disconnect(&client);
}

static void requests_may_come_in_pieces(void **state)
{
	struct world *world = *state;
	const char *text = POST_HEAD("/echo", "7") "{\"a\":1}";
	struct client clients[2] = {
	    connect_tls(world, &world->terminal), connect_local(world)};

	for (size_t i = 0; i < 2; i++) {
		for (const char *c = text; c[1]; c++)
			assert_true(client_write(&clients[i], c, 1));
		expect(&clients[i], "}", "HTTP/1.1 200", "\r\n{\"a\":1}");
		disconnect(&clients[i]);
	}
}

static void pipelined_requests_wait_their_turn(void **state)
{
	struct world *world = *state;
	char requests[8192] = "";
	char reply[REPLY_SIZE];
	struct client clients[2] = {
	    connect_tls(world, &world->terminal), connect_local(world)};

	for (int i = 0; i < 60; i++)
		sprintf(requests + strlen(requests),
		    POST_HEAD("/echo", "2") "%02d", i);
	strcat(requests, GET("/later") GET("/who"));
	for (size_t i = 0; i < 2; i++) {
		client_say(&clients[i], requests);
		for (int n = 0; n < 60; n++) {
			char number[8];

			snprintf(number, sizeof(number), "\r\n%02d", n);
			client_hear(&clients[i], reply, sizeof(reply));
			assert_non_null(strstr(reply, number));
		}
		client_hear(&clients[i], reply, sizeof(reply));
		assert_non_null(strstr(reply, "later"));
		client_hear(&clients[i], reply, sizeof(reply));
		assert_non_null(strstr(reply, "kind="));
		disconnect(&clients[i]);
	}
}

static const struct {
	const char *request, *first;
} refused_rows[] = {
    {"GET / HTTP/1.1\nHost: a\n\n", "HTTP/1.1 400 "},
    {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
    {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
     "Content-Length: 2\r\n\r\nab",
	"HTTP/1.1 400 "},
    {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 400 "},
    {"POST /echo HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 "},
    {POST_HEAD("/echo", "99999999"), "HTTP/1.1 413 "},
    {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
	"HTTP/1.1 415 "},
    {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
     "Content-Type: text/plain\r\n\r\n{}",
	"HTTP/1.1 415 "},
    {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", "HTTP/1.1 400 "},
};

static void malformed_requests_end_the_connection(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(refused_rows) / sizeof(refused_rows[0]);
	     i++) {
		struct client clients[2] = {
		    connect_tls(world, &world->terminal), connect_local(world)};

		for (size_t n = 0; n < 2; n++) {
			expect(&clients[n], refused_rows[i].request,
			    refused_rows[i].first, "Connection: close\r\n");
			assert_true(is_closed(&clients[n]));
			disconnect(&clients[n]);
		}
	}
}

/* What follows a refused request is never taken for another one, and the
 * answer arrives although the client is still sending. */
static void nothing_is_read_after_a_refusal(void **state)
{
	struct world *world = *state;
	struct client client = connect_tls(world, &world->terminal);
	char *body = malloc(200000);
	char reply[REPLY_SIZE];

	memset(body, 'x', 200000);
	client_say(&client, POST_HEAD("/echo", "200000"));
	client_write(&client, body, 200000);
	client_hear(&client, reply, sizeof(reply));
	assert_memory_equal(reply, "HTTP/1.1 413 ", 13);
	assert_true(is_closed(&client));
	disconnect(&client);
	free(body);
	client = connect_tls(world, &world->terminal);
	expect(&client, "GET / HTTP/1.1\n\r\n\r\n" GET("/who"), "HTTP/1.1 400 ",
	    "");
	assert_true(is_closed(&client));
	disconnect(&client);
}

static void bodies_have_limits(void **state)
{
	struct world *world = *state;
	struct client client = connect_tls(world, &world->terminal);
	char *text = malloc(HTTP_ADMIN_BODY_BYTES_MAX + 1024);
	char *reply = malloc(HTTP_ADMIN_BODY_BYTES_MAX + 1024);
	size_t head = 0;

	head = (size_t)sprintf(text, "%s", POST_HEAD("/echo", "16384"));
	memset(text + head, 'x', HTTP_BODY_BYTES_MAX);
	assert_true(client_write(&client, text, head + HTTP_BODY_BYTES_MAX));
	client_hear(&client, reply, 32768);
	assert_memory_equal(reply, "HTTP/1.1 200 ", 13);
	expect(&client, POST_HEAD("/echo", "16385"), "HTTP/1.1 413 ", "");
	disconnect(&client);

	client = connect_local(world);
	head = (size_t)sprintf(text, "%s", POST_HEAD("/echo", "12582912"));
	memset(text + head, 'x', HTTP_ADMIN_BODY_BYTES_MAX);
	assert_true(
	    client_write(&client, text, head + HTTP_ADMIN_BODY_BYTES_MAX));
	client_hear(&client, reply, HTTP_ADMIN_BODY_BYTES_MAX + 1024);
	assert_memory_equal(reply, "HTTP/1.1 200 ", 13);
	expect(&client, POST_HEAD("/echo", "12582913"), "HTTP/1.1 413 ", "");
	disconnect(&client);
	free(text);
	free(reply);
}

static void continue_is_said_before_the_body(void **state)
{
	struct world *world = *state;
	struct client client = connect_tls(world, &world->terminal);

	expect(&client,
	    "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
	    "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n",
	    "HTTP/1.1 100 Continue\r\n\r\n", "");
	expect(&client, "{}", "HTTP/1.1 200 ", "{}");
	/* Not to one that is refused anyway. */
	expect(&client,
	    "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
	    "Content-Type: application/json\r\nContent-Length: 20000\r\n\r\n",
	    "HTTP/1.1 413 ", "");
	disconnect(&client);
}

static void connections_close_when_told(void **state)
{
	struct world *world = *state;
	struct client client = connect_tls(world, &world->terminal);

	expect(&client,
	    "GET /who HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
	    "HTTP/1.1 200 ", "Connection: close\r\n");
	assert_true(is_closed(&client));
	/* told, not cut off */
	assert_int_equal(SSL_get_shutdown(client.ssl) & SSL_RECEIVED_SHUTDOWN,
	    SSL_RECEIVED_SHUTDOWN);
	disconnect(&client);
	client = connect_local(world);
	expect(&client, GET("/close"), "HTTP/1.1 409 Conflict\r\n",
	    "Content-Length: 0\r\n");
	assert_true(is_closed(&client));
	disconnect(&client);
}

static void problems_are_json(void **state)
{
	struct world *world = *state;
	struct client client = connect_tls(world, NULL);

	expect(&client, GET("/problem"),
	    "HTTP/1.1 503 Service Unavailable\r\n"
	    "Content-Type: application/problem+json\r\n",
	    "Retry-After: 1\r\n");
	expect(&client, GET("/problem"), "HTTP/1.1 503 ",
	    "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\","
	    "\"status\":503,\"detail\":\"say \\\"please\\\" \\\\ wait \"}");
	expect(&client, GET("/nowhere"), "HTTP/1.1 404 Not Found\r\n", "");
	disconnect(&client);
}

static void head_has_no_body(void **state)
{
	struct world *world = *state;
	struct client client = connect_local(world);
	char reply[REPLY_SIZE] = "";
	size_t used = 0;

	client_say(&client, "HEAD /big HTTP/1.1\r\nHost: a\r\n\r\n"
			    "HEAD /file HTTP/1.1\r\nHost: a\r\n"
			    "Connection: close\r\n\r\n");
	for (ssize_t got = 1; got > 0; used += (size_t)got)
		got = client_read(
		    &client, reply + used, sizeof(reply) - 1 - used);
	assert_non_null(strstr(reply, "Content-Length: 1048576\r\n"));
	assert_non_null(strstr(reply, "Content-Length: 20971520\r\n"));
	assert_string_equal(reply + strlen(reply) - 4, "\r\n\r\n");
	disconnect(&client);
}

static void large_bodies_arrive_whole(void **state)
{
	struct world *world = *state;
	struct client clients[2] = {
	    connect_tls(world, &world->terminal), connect_local(world)};
	char *reply = malloc(FILE_BYTES + 1024);

	for (size_t i = 0; i < 2; i++) {
		const char *body = NULL;

		client_say(&clients[i], GET("/big"));
		client_hear(&clients[i], reply, BIG_BYTES + 1024);
		body = strstr(reply, "\r\n\r\n") + 4;
		assert_int_equal(strspn(body, "b"), BIG_BYTES);
		client_say(&clients[i], GET("/file"));
		client_hear(&clients[i], reply, FILE_BYTES + 1024);
		body = strstr(reply, "\r\n\r\n") + 4;
		assert_int_equal(strlen(body), FILE_BYTES);
		for (size_t n = 0; n < FILE_BYTES; n += 65536)
			assert_int_equal(body[n], 'a' + (int)(n / 65536) % 26);
		expect(&clients[i], GET("/who"), "HTTP/1.1 200 ", "");
		disconnect(&clients[i]);
	}
	free(reply);
}

static void replies_may_come_later_or_to_nobody(void **state)
{
	struct world *world = *state;
	struct client client = connect_tls(world, &world->terminal);

	expect(&client, GET("/later"), "HTTP/1.1 200 ", "later");
	client_say(&client, GET("/later"));
	disconnect(&client);
	usleep(400000);
	client = connect_tls(world, &world->terminal);
	expect(&client, GET("/who"), "HTTP/1.1 200 ", "");
	/* and one that is still held when the server ends */
	client_say(&client, GET("/later"));
	usleep(50000);
	disconnect(&client);
}

/* --- listeners --- */

static void sockets_are_replaced_only_when_dead(void **state)
{
	struct world *world = *state;
	struct event_base *base = event_base_new();
	struct http *http = NULL;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char path[128];
	int dead = socket(AF_UNIX, SOCK_STREAM, 0);
	const char *const bad[] = {"", ":", "nonsense", "127.0.0.1",
	    "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1", "127.0.0.1:65536",
	    ":8443", "::1:8443", "[127.0.0.1]:1", "[::1:1", "[::1]"};

	assert_int_equal(http_new(base, world_handle, NULL, &http), ERR_NONE);
	assert_int_equal(http_listen_local(http, world->socket_path), ERR_BUSY);
	snprintf(path, sizeof(path), "%s/file", world->directory);
	assert_int_equal(http_listen_local(http, path), ERR_EXISTS);
	assert_int_equal(
	    http_listen_local(http, "/nonexistent/socket"), ERR_IO);
	snprintf(path, sizeof(path), "%s/dead", world->directory);
	strcpy(address.sun_path, path);
	assert_int_equal(
	    bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
	close(dead);
	assert_int_equal(http_listen_local(http, path), ERR_NONE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(http_listen_tls(http, bad[i]), ERR_INVALID);
	assert_int_equal(http_listen_tls(http, "[::1]:0"), ERR_NONE);
	assert_true(http_port(http) > 0);
	assert_int_equal(http_listen_tls(http, "192.0.2.1:1"), ERR_IO);
	http_free(http);
	assert_int_equal(access(path, F_OK), -1);
	event_base_free(base);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, world_start, world_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(certificates_are_told_apart),
	    TEST(a_terminal_is_named_by_its_hashes),
	    TEST(the_admin_socket_knows_its_peer),
	    TEST(only_tls_13_without_resumption),
	    TEST(only_http_11_is_agreed_on),
	    TEST(a_new_identity_is_for_new_connections),
	    TEST(many_requests_on_one_connection),
	    TEST(requests_may_come_in_pieces),
	    TEST(pipelined_requests_wait_their_turn),
	    TEST(malformed_requests_end_the_connection),
	    TEST(nothing_is_read_after_a_refusal),
	    TEST(bodies_have_limits),
	    TEST(continue_is_said_before_the_body),
	    TEST(connections_close_when_told),
	    TEST(problems_are_json),
	    TEST(head_has_no_body),
	    TEST(large_bodies_arrive_whole),
	    TEST(replies_may_come_later_or_to_nobody),
	    TEST(sockets_are_replaced_only_when_dead),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
