/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimorid run: brings the parts together in one visible order, turns the
 * loop until told to stop, and takes them apart in the reverse order.
 */
#include <event2/event.h>
#include <event2/thread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "server/commands.h"
#include "server/housekeeping.h"
#include "server/pace.h"
#include "server/password.h"
#include "server/rate.h"
#include "server/router.h"
#include "server/server.h"
#include "server/store/reserve.h"
#include "server/waiting.h"
#include "shared/json.h"
#include "shared/log.h"

enum {
	STOP_SIGNALS = 2
};

struct running {
	struct server server;
	struct housekeeping *keeping;
	struct event *stops[STOP_SIGNALS];
	struct event *watchdog;
	bool stopping;
	bool started;
};

static int open_store(struct running *running)
{
	struct server *server = &running->server;
	char key_path[CONFIG_VALUE_SIZE], db_path[CONFIG_VALUE_SIZE];
	struct clock_reading reading;
	int64_t now_ms;
	enum err err;

	if (!command_key_path(&server->settings, key_path, sizeof(key_path)))
		return command_fail("the credential with the key is not here",
		    "Add LoadCredentialEncrypted= to the unit");
	err = keyring_open(key_path, &server->keyring);
	if (err != ERR_NONE) {
		fprintf(stderr,
		    "sekimorid: %s: the key file: %s. Without it nothing can "
		    "be opened: give it to the user sekimori with mode 0600, "
		    "put it back, or restore a backup.\n",
		    key_path, err_text(err));
		return EXIT_REFUSED;
	}
	settings_path(
	    &server->settings, "sekimori.db", db_path, sizeof(db_path));
	server_read_boot_id(server->boot_id);
	server_read_clocks(server, &reading, &now_ms);
	err = store_open(
	    db_path, server->keyring, reading.wall_s, &server->store);
	if (err == ERR_NONE)
		err = store_get_mark(server->store, &server->mark);
	return err == ERR_NONE ? EXIT_DONE : command_fail_store(db_path, err);
}

/* Without room for it the server serves all the same and says so. */
static void hold_reserve(struct server *server)
{
	char path[CONFIG_VALUE_SIZE];

	settings_path(&server->settings, "reserve", path, sizeof(path));
	if (reserve_new(path, server->settings.disk_reserve_mb << 20,
		&server->reserve) != ERR_NONE ||
	    (server->settings.disk_reserve_mb > 0 &&
		!reserve_is_held(server->reserve)))
		log_line(LOG_WARNING,
		    "there is no room for the disk reserve: make room",
		    LOG_TEXT("path", path));
	server->store->reserve = server->reserve;
}

static int open_network(struct running *running)
{
	struct server *server = &running->server;
	const struct settings *settings = &server->settings;

	if (http_new(server->base, router_handle, server, &server->http) !=
	    ERR_NONE)
		return command_fail("out of memory", "Give it more");
	if (housekeeping_refresh_identity(server) != ERR_NONE)
		return command_fail("the server's certificate cannot be used",
		    "Restore the last backup");
	for (size_t i = 0; i < settings->listen.count; i++) {
		if (http_listen_tls(server->http, settings->listen.items[i]) ==
		    ERR_NONE)
			continue;
		fprintf(stderr,
		    "sekimorid: cannot listen on %s. Is the port taken, and "
		    "is the address this machine's?\n",
		    settings->listen.items[i]);
		return EXIT_REFUSED;
	}
	if (http_listen_local(server->http, settings->admin_socket) == ERR_NONE)
		return EXIT_DONE;
	fprintf(stderr,
	    "sekimorid: cannot make the admin socket %s. Does its directory "
	    "exist, and is another sekimorid running?\n",
	    settings->admin_socket);
	return EXIT_REFUSED;
}

static void on_stop(evutil_socket_t signal_number, short what, void *context)
{
	struct running *running = context;

	(void)what;
	(void)signal_number;
	running->stopping = true;
}

/* The watchdog is fed only while the disk takes commits. */
static void on_watchdog(evutil_socket_t fd, short what, void *context)
{
	struct running *running = context;

	(void)fd;
	(void)what;
	if (!batch_health(running->server.batch).last_failed)
		sd_notify(0, "WATCHDOG=1");
}

static bool add_events(struct running *running)
{
	static const int signals[STOP_SIGNALS] = {SIGTERM, SIGINT};
	struct event_base *base = running->server.base;
	struct timeval every = {0, 0};
	uint64_t watchdog_us = 0;

	for (size_t i = 0; i < STOP_SIGNALS; i++) {
		running->stops[i] =
		    evsignal_new(base, signals[i], on_stop, running);
		if (!running->stops[i] ||
		    event_add(running->stops[i], NULL) != 0)
			return false;
	}
	if (sd_watchdog_enabled(0, &watchdog_us) <= 0)
		return true;
	every.tv_sec = (time_t)(watchdog_us / 3000000);
	every.tv_usec = (suseconds_t)(watchdog_us / 3 % 1000000);
	running->watchdog =
	    event_new(base, -1, EV_PERSIST, on_watchdog, running);
	return running->watchdog && event_add(running->watchdog, &every) == 0;
}

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void turn_loop(struct running *running)
{
	struct pace pace = {0};
	int how = EVLOOP_ONCE;
	bool decided_one;

	sd_notify(0, "READY=1");
	log_line(LOG_NOTICE, "serving", LOG_TEXT("version", SEKIMORI_VERSION),
	    LOG_TEXT("admin_socket", running->server.settings.admin_socket));
	while (!running->stopping) {
		if (event_base_loop(running->server.base, how) != 0)
			break;
		decided_one = batch_kick(running->server.batch);
		/* What came in behind an answered call must not wait. */
		if (waiting_look(running->server.waiting))
			batch_kick(running->server.batch);
		how = pace_stay_awake(&pace, decided_one, now_us())
			  ? EVLOOP_NONBLOCK
			  : EVLOOP_ONCE;
	}
	sd_notify(0, "STOPPING=1");
	log_plain(LOG_NOTICE, "stopping");
}

static int start(struct running *running)
{
	struct server *server = &running->server;
	int code = open_store(running);

	if (code != EXIT_DONE)
		return code;
	hold_reserve(server);
	server->rates = rate_new();
	server->failures = rate_new();
	server->signins = rate_new();
	server->base = event_base_new();
	if (!server->rates || !server->failures || !server->signins ||
	    !server->base ||
	    waiting_new(server->base, &server->store->stops,
		&server->waiting) != ERR_NONE ||
	    batch_new(server->store, server->base, &server->batch) !=
		ERR_NONE ||
	    password_worker_new(server->base, &server->passwords) != ERR_NONE)
		return command_fail("out of memory", "Give it more");
	code = open_network(running);
	if (code != EXIT_DONE)
		return code;
	if (!add_events(running) ||
	    housekeeping_start(server, &running->keeping) != ERR_NONE)
		return command_fail("out of memory", "Give it more");
	return EXIT_DONE;
}

static void stop(struct running *running)
{
	struct server *server = &running->server;

	struct password_worker *passwords = server->passwords;

	waiting_end(server->waiting);
	server->passwords = NULL;
	password_worker_free(passwords);
	batch_free(server->batch); /* what was accepted is still answered */
	http_free(server->http);
	waiting_free(server->waiting);
	housekeeping_stop(running->keeping);
	if (running->watchdog)
		event_free(running->watchdog);
	for (size_t i = 0; i < STOP_SIGNALS; i++)
		if (running->stops[i])
			event_free(running->stops[i]);
	if (server->base)
		event_base_free(server->base);
	if (running->started && housekeeping_conclude(server) != ERR_NONE)
		log_plain(LOG_ERR, "the last state could not be written");
	authority_free(server->authority);
	store_close(server->store);
	reserve_free(server->reserve);
	keyring_free(server->keyring);
	rate_free(server->rates);
	rate_free(server->failures);
	rate_free(server->signins);
	libevent_global_shutdown();
}

int command_run(
    const struct command_options *options, const struct settings *settings)
{
	struct running running = {.server = {.settings = *settings}};
	struct rlimit files;
	int code;

	(void)options;
	json_wipe_freed();
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (secret_forbid_dumps() != ERR_NONE || otp_init() != ERR_NONE ||
	    evthread_use_pthreads() != 0)
		return command_fail(
		    "the process cannot be set up", "See the system log");
	code = start(&running);
	running.started = code == EXIT_DONE;
	if (running.started)
		turn_loop(&running);
	stop(&running);
	return code;
}
