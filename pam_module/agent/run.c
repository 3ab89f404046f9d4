/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/run.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "pam_module/agent/card_child.h"
#include "pam_module/agent/listener.h"
#include "pam_module/agent/logind.h"
#include "pam_module/agent/renew.h"
#include "pam_module/agent/seat_report.h"
#include "pam_module/agent/seat_watcher.h"
#include "pam_module/agent/server_client.h"
#include "pam_module/agent/server_line.h"
#include "pam_module/agent/state.h"
#include "pam_module/agent/stop.h"
#include "shared/log.h"

enum {
	SESSION_KEY_BYTES = 32
};

struct agent {
	struct state_config config;
	struct server_client *client;
	struct renew *renew;
	struct seat_reporter *reporter;
	struct server_line *line;       /* of the waiting call */
	struct logind_monitor *monitor; /* for other sessions */
	struct card_child card_child;
	struct serve serve;
	int socket;
	int stop_fd;
	bool owns_path; /* the socket was not systemd's */
};

static enum err load(struct agent *agent, const char *directory)
{
	struct state_identity identity = {0};
	struct config_problem problem = {0};
	enum err err = state_read_identity(directory, &identity);

	if (err != ERR_NONE) {
		log_line(LOG_ERR,
		    err == ERR_NOT_FOUND
			? "this machine has not joined a server: run "
			  "sekimori-agent join"
			: "the terminal's key and certificate cannot be read",
		    LOG_TEXT("state_dir", directory),
		    LOG_TEXT("error", err_text(err)));
		return err;
	}
	err = state_read_config(directory, &agent->config, &problem);
	if (err != ERR_NONE)
		log_plain(LOG_ERR, problem.text);
	if (err == ERR_NONE)
		err = server_client_new(&agent->config.servers, &agent->client);
	if (err == ERR_NONE) {
		err = server_client_use(agent->client,
		    &(struct tls_identity){.ca_pem = identity.ca_pem,
			.certificate_pem = identity.certificate_pem,
			.key_pem = identity.key_pem});
		if (err != ERR_NONE)
			log_line(LOG_ERR, "key, certificate or CA is unusable",
			    LOG_TEXT("state_dir", directory),
			    LOG_TEXT("error", err_text(err)));
	}
	state_identity_free(&identity);
	return err;
}

static enum err open_socket(struct agent *agent, const char *path)
{
	int passed = sd_listen_fds(1);
	int fd = SD_LISTEN_FDS_START;
	enum err err;

	if (passed == 0) {
		err = listener_bind(path, &agent->socket);
		agent->owns_path = err == ERR_NONE;
		if (err != ERR_NONE)
			log_line(LOG_ERR,
			    err == ERR_EXISTS
				? "another agent answers on this socket"
				: "the socket cannot be made",
			    LOG_TEXT("socket", path),
			    LOG_TEXT("error", err_text(err)));
		return err;
	}
	if (passed != 1 ||
	    sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
		log_plain(LOG_ERR, "systemd handed over something else than "
				   "one listening Unix stream socket");
		return ERR_INVALID;
	}
	agent->socket = fd;
	return ERR_NONE;
}

/* Before any thread exists, so that all of them inherit the mask. */
static enum err open_stop(struct agent *agent)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0)
		return ERR_IO;
	agent->stop_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return agent->stop_fd >= 0 ? ERR_NONE : ERR_IO;
}

static void take_apart(struct agent *agent, const char *socket_path)
{
	if (agent->owns_path)
		(void)unlink(socket_path);
	stop_end(agent->serve.stop);
	logind_monitor_free(agent->monitor);
	server_line_free(agent->line);
	session_people_free(agent->serve.people);
	seats_stop(agent->serve.seats);
	seat_reporter_stop(agent->reporter);
	/* Threads that are in a call go with the process, in one step. */
	if (renew_stop(agent->renew) != ERR_NONE)
		_exit(EXIT_SUCCESS);
	server_client_free(agent->client);
	if (agent->socket >= 0)
		close(agent->socket);
	if (agent->stop_fd >= 0)
		close(agent->stop_fd);
	secret_wipe(&agent->serve.session_key);
	pthread_mutex_destroy(&agent->serve.attempts.lock);
	pthread_mutex_destroy(&agent->serve.shapes.lock);
	pthread_mutex_destroy(&agent->serve.places.lock);
	pthread_mutex_destroy(&agent->serve.accepted_logins.lock);
	free(agent);
}

/* Before the first session can open: those of before a restart go first. */
static enum err start_seats(struct agent *agent, const char *directory)
{
	struct seat_setup setup = {.directory = directory,
	    .watcher = seat_watcher_of(&agent->card_child),
	    .logind = logind_calls()};
	enum err err =
	    seat_reporter_start(&agent->serve.server, &agent->reporter);

	if (err != ERR_NONE)
		return err;
	setup.report = seat_reporter_report(agent->reporter);
	return seats_start(&setup, &agent->serve.seats);
}

static void end_wait(void *context)
{
	server_line_end(context);
}

static int news_fd(void *context)
{
	return logind_monitor_fd(context);
}

static void seen(void *context)
{
	logind_monitor_flush(context);
}

static void tell_stopped(
    void *context, const struct session *session, const char *event)
{
	seat_reporter_tell(context, session, event, "frozen");
}

/* What was frozen while the agent was away is found at once. */
static enum err start_stop(struct agent *agent, const char *directory)
{
	struct stop_setup setup = {.ask = agent->serve.server,
	    .end_wait = end_wait,
	    .logind = logind_calls(),
	    .list = logind_list,
	    .news_fd = news_fd,
	    .seen = seen,
	    .text = (enum stop_text_sessions)agent->config.frozen_text_sessions,
	    .tell = tell_stopped,
	    .tell_context = agent->reporter};
	enum err err = session_people_new(directory, &agent->serve.people);

	if (err == ERR_NONE)
		err = server_line_new(agent->client, &agent->line);
	if (err == ERR_NONE)
		err = logind_monitor_new(&agent->monitor);
	if (err != ERR_NONE)
		return err;
	setup.people = agent->serve.people;
	setup.wait = server_line_call(agent->line);
	setup.end_wait_context = agent->line;
	setup.news_context = agent->monitor;
	return stop_start(&setup, &agent->serve.stop);
}

static enum err start(
    struct agent *agent, const char *directory, const char *socket_path)
{
	enum err err = open_stop(agent);

	if (err == ERR_NONE)
		err = load(agent, directory);
	if (err == ERR_NONE)
		err =
		    secret_random(&agent->serve.session_key, SESSION_KEY_BYTES);
	if (err == ERR_NONE)
		err = open_socket(agent, socket_path);
	if (err != ERR_NONE)
		return err;
	agent->serve.user_services = &agent->config.user_services;
	agent->serve.client = agent->client;
	agent->serve.server = server_client_call(agent->client);
	agent->card_child.modules = &agent->config.card_modules;
	agent->card_child.state_directory = directory;
	agent->serve.cards = card_child_reader(&agent->card_child);
	err = start_seats(agent, directory);
	if (err == ERR_NONE)
		err = start_stop(agent, directory);
	if (err != ERR_NONE)
		return err;
	return renew_start(directory, agent->client, &agent->renew);
}

enum err run_agent(const char *directory, const char *socket_path)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	enum err err;

	if (!agent)
		return ERR_MEMORY;
	agent->socket = agent->stop_fd = -1;
	pthread_mutex_init(&agent->serve.attempts.lock, NULL);
	pthread_mutex_init(&agent->serve.shapes.lock, NULL);
	pthread_mutex_init(&agent->serve.places.lock, NULL);
	pthread_mutex_init(&agent->serve.accepted_logins.lock, NULL);
	err = start(agent, directory, socket_path);
	if (err == ERR_NONE) {
		log_plain(LOG_NOTICE, "ready");
		(void)sd_notify(0, "READY=1");
		err =
		    listener_run(agent->socket, agent->stop_fd, &agent->serve);
		(void)sd_notify(0, "STOPPING=1");
	}
	if (err == ERR_TIMEOUT)
		_exit(EXIT_SUCCESS);
	take_apart(agent, socket_path);
	return err;
}
