/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/http_world.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/keys/issue.h"

enum {
	CA_LIFE_S = 86400
};

static void fill_texts(struct identity *identity)
{
	size_t length = 0;

	assert_int_equal(
	    certificate_to_pem(identity->certificate, &identity->pem),
	    ERR_NONE);
	assert_int_equal(
	    certificate_key_to_pem(identity->key, &identity->key_pem, &length),
	    ERR_NONE);
}

static struct identity make_authority(const char *name)
{
	struct identity made = {0};
	int64_t now_s = time(NULL);

	assert_int_equal(certificate_key_new(&made.key), ERR_NONE);
	assert_int_equal(issue_authority(&(struct issue_subject){made.key, name,
					     now_s, now_s + CA_LIFE_S},
			     &made.certificate),
	    ERR_NONE);
	fill_texts(&made);
	return made;
}

static struct identity make_leaf(
    const struct identity *authority, bool is_server, int64_t life_s)
{
	struct identity made = {0};
	struct issue_signer signer = {authority->certificate, authority->key};
	int64_t now_s = time(NULL);
	struct issue_subject subject = {
	    .name = "desk-1", .from = now_s, .until = now_s + life_s};
	char name[] = "localhost";
	char *names[] = {name};

	assert_int_equal(certificate_key_new(&made.key), ERR_NONE);
	subject.key = made.key;
	if (is_server)
		assert_int_equal(issue_server(&subject, &signer, names, 1,
				     &made.certificate),
		    ERR_NONE);
	else
		assert_int_equal(
		    issue_terminal(&subject, &signer, &made.certificate),
		    ERR_NONE);
	fill_texts(&made);
	return made;
}

static void identity_free(struct identity *identity)
{
	X509_free(identity->certificate);
	EVP_PKEY_free(identity->key);
	free(identity->pem);
	free(identity->key_pem);
}

struct serving {
	struct world *world;
	struct event_base *base;
	struct http *http;
	struct http_exchange *held;
	struct event *later, *stop;
};

static void reply_text(struct http_exchange *exchange, const char *text)
{
	http_reply(exchange, &(struct http_reply){.status = 200,
				 .body = text,
				 .body_length = strlen(text),
				 .body_fd = -1});
}

static void handle_who(struct serving *serving, struct http_exchange *exchange)
{
	const struct http_peer *peer = exchange->peer;
	char text[512];

	(void)serving;
	snprintf(text, sizeof(text),
	    "kind=%d presented=%d loopback=%d uid=%d pid=%d until=%d "
	    "fingerprint=%02x%02x issuer=%02x%02x address=%s id=%zu",
	    (int)peer->kind, peer->presented_certificate, peer->loopback,
	    (int)peer->uid, (int)peer->pid,
	    peer->certificate_until > time(NULL), peer->fingerprint[0],
	    peer->fingerprint[31], peer->issuer_spki[0], peer->issuer_spki[31],
	    peer->address, strlen(exchange->request_id));
	reply_text(exchange, text);
}

static void handle_echo(struct serving *serving, struct http_exchange *exchange)
{
	(void)serving;
	if (exchange->body_length > 0 &&
	    exchange->body[exchange->body_length] != '\0')
		abort();
	http_reply(exchange, &(struct http_reply){.status = 200,
				 .body = exchange->body,
				 .body_length = exchange->body_length,
				 .body_fd = -1});
}

static void handle_big(struct serving *serving, struct http_exchange *exchange)
{
	char *text = malloc(BIG_BYTES);

	(void)serving;
	memset(text, 'b', BIG_BYTES);
	http_reply(exchange, &(struct http_reply){.status = 200,
				 .content_type = "text/plain",
				 .body = text,
				 .body_length = BIG_BYTES,
				 .body_fd = -1});
	free(text);
}

static void handle_file(struct serving *serving, struct http_exchange *exchange)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/file", serving->world->directory);
	http_reply(exchange, &(struct http_reply){.status = 200,
				 .content_type = "application/octet-stream",
				 .body_fd = open(path, O_RDONLY | O_CLOEXEC)});
}

static void on_later(evutil_socket_t fd, short what, void *context)
{
	struct serving *serving = context;
	struct http_exchange *held = serving->held;

	(void)fd;
	(void)what;
	serving->held = NULL;
	if (held)
		reply_text(held, "later");
}

static void handle_later(
    struct serving *serving, struct http_exchange *exchange)
{
	struct timeval wait = {0, 200000};

	serving->held = exchange;
	evtimer_add(serving->later, &wait);
}

static void handle_counts(
    struct serving *serving, struct http_exchange *exchange)
{
	struct http_counts counts = http_counts(serving->http);
	char text[256];

	snprintf(text, sizeof(text),
	    "connections=%ld requests=%llu malformed=%llu timeouts=%llu "
	    "handshakes_failed=%llu",
	    counts.connections, counts.requests, counts.malformed,
	    counts.timeouts, counts.handshakes_failed);
	reply_text(exchange, text);
}

static void handle_problem(
    struct serving *serving, struct http_exchange *exchange)
{
	(void)serving;
	http_reply_problem(exchange, 503, "say \"please\" \\ wait\n");
}

static void handle_close(
    struct serving *serving, struct http_exchange *exchange)
{
	(void)serving;
	http_reply(exchange,
	    &(struct http_reply){.status = 409, .body_fd = -1, .close = true});
}

static void handle_swap(struct serving *serving, struct http_exchange *exchange)
{
	struct world *world = serving->world;

	if (http_set_identity(serving->http, "rubbish", "rubbish", "rubbish") ==
		ERR_NONE ||
	    http_set_identity(serving->http, world->other_server.pem,
		world->server.key_pem, world->authority.pem) == ERR_NONE)
		abort();
	if (http_set_identity(serving->http, world->other_server.pem,
		world->other_server.key_pem,
		world->other_authority.pem) != ERR_NONE)
		abort();
	reply_text(exchange, "swapped");
}

static const struct {
	const char *path;
	void (*handle)(struct serving *serving, struct http_exchange *exchange);
} routes[] = {
    {"/who", handle_who},
    {"/echo", handle_echo},
    {"/big", handle_big},
    {"/file", handle_file},
    {"/later", handle_later},
    {"/counts", handle_counts},
    {"/problem", handle_problem},
    {"/close", handle_close},
    {"/swap", handle_swap},
};

void world_handle(void *context, struct http_exchange *exchange)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (strcmp(exchange->message->path, routes[i].path) == 0) {
			routes[i].handle(context, exchange);
			return;
		}
	http_reply_problem(exchange, 404, "There is no such path.");
}

static void on_stop(evutil_socket_t fd, short what, void *context)
{
	struct serving *serving = context;

	(void)fd;
	(void)what;
	event_base_loopbreak(serving->base);
}

static bool start_serving(struct serving *serving, int report_fd)
{
	struct world *world = serving->world;
	int port = 0;

	serving->base = event_base_new();
	serving->later = evtimer_new(serving->base, on_later, serving);
	serving->stop = evsignal_new(serving->base, SIGTERM, on_stop, serving);
	event_add(serving->stop, NULL);
	if (http_new(serving->base, world_handle, serving, &serving->http) !=
		ERR_NONE ||
	    http_set_identity(serving->http, world->server.pem,
		world->server.key_pem, world->authority.pem) != ERR_NONE ||
	    http_listen_tls(serving->http, "127.0.0.1:0") != ERR_NONE ||
	    http_listen_local(serving->http, world->socket_path) != ERR_NONE)
		return false;
	port = http_port(serving->http);
	return write(report_fd, &port, sizeof(port)) == sizeof(port);
}

static int serve(struct world *world, int report_fd, rlim_t files)
{
	struct serving serving = {.world = world};
	struct rlimit limit = {files, files};
	int status = 1;

	if (files > 0)
		setrlimit(RLIMIT_NOFILE, &limit);
	if (start_serving(&serving, report_fd)) {
		event_base_dispatch(serving.base);
		status = 0;
	}
	http_free(serving.http);
	if (serving.held) /* its connection has gone: swallowed */
		reply_text(serving.held, "too late");
	event_free(serving.later);
	event_free(serving.stop);
	event_base_free(serving.base);
	return status;
}

static void make_file(const struct world *world)
{
	char path[128];
	char block[65536];
	int fd = -1;

	snprintf(path, sizeof(path), "%s/file", world->directory);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (int i = 0; i < FILE_BYTES / (int)sizeof(block); i++) {
		memset(block, 'a' + i % 26, sizeof(block));
		assert_int_equal(
		    write(fd, block, sizeof(block)), sizeof(block));
	}
	close(fd);
}

static void world_free(struct world *world)
{
	identity_free(&world->authority);
	identity_free(&world->other_authority);
	identity_free(&world->server);
	identity_free(&world->other_server);
	identity_free(&world->terminal);
	identity_free(&world->foreign);
	identity_free(&world->expired);
	identity_free(&world->wrong_use);
	free(world);
}

static int start_world(void **state, rlim_t files)
{
	struct world *world = calloc(1, sizeof(*world));
	struct rlimit limit;
	int report[2];

	*state = world;
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	world->authority = make_authority("test authority");
	world->other_authority = make_authority("test authority");
	world->server = make_leaf(&world->authority, true, 3600);
	world->other_server = make_leaf(&world->other_authority, true, 3600);
	world->terminal = make_leaf(&world->authority, false, 3600);
	world->foreign = make_leaf(&world->other_authority, false, 3600);
	world->expired = make_leaf(&world->authority, false, -10);
	world->wrong_use = make_leaf(&world->authority, true, 3600);
	strcpy(world->directory, "/tmp/test-http-XXXXXX");
	if (!mkdtemp(world->directory) || pipe(report) != 0)
		return -1;
	snprintf(world->socket_path, sizeof(world->socket_path), "%s/admin",
	    world->directory);
	make_file(world);
	fflush(NULL);
	world->server_pid = fork();
	if (world->server_pid == 0) {
		int status = 0;

		close(report[0]);
		status = serve(world, report[1], files);
		close(report[1]);
		world_free(world);
		exit(status);
	}
	close(report[1]);
	if (read(report[0], &world->port, sizeof(world->port)) !=
	    sizeof(world->port))
		return -1;
	close(report[0]);
	return 0;
}

int world_start(void **state)
{
	return start_world(state, 0);
}

int world_start_few_files(void **state)
{
	return start_world(state, 40);
}

int world_stop(void **state)
{
	struct world *world = *state;
	char path[128];
	int status = -1;

	kill(world->server_pid, SIGTERM);
	waitpid(world->server_pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(access(world->socket_path, F_OK), -1);
	snprintf(path, sizeof(path), "%s/file", world->directory);
	unlink(path);
	rmdir(world->directory);
	world_free(world);
	return 0;
}
