/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/renew.h"

#include <openssl/x509.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "pam_module/agent/self.h"
#include "pam_module/agent/state.h"
#include "pam_module/agent/steady.h"
#include "pam_module/agent/watch.h"
#include "shared/certificate.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/secret.h"

enum {
	CALL_WAIT_MS = 5000,
	ROUND_EVERY_MS = 3600000,
	RETRY_FIRST_MS = 2000,
	REST_MS = 86400000, /* with a clock that is wrong */
	STOP_WAIT_MS = 3000,
	/* After the server was away; no more often than a retry. */
	RECONNECT_LOOK_MS = 30000,
	RECONNECT_EVERY_MS = 600000,
	STACK_BYTES = 262144,
};

struct renew {
	const char *directory;
	struct server_client *client;
	struct server_call server;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_cond_t ended_signal;
	bool stopping;
	bool ended;
	int64_t next_ms; /* until the next round, if all went well */
	bool just_renewed;
	int64_t rest_until_ms; /* no renewal before */
};

static enum err use_state(struct renew *renew)
{
	struct state_identity identity = {0};
	enum err err = state_read_identity(renew->directory, &identity);

	if (err == ERR_NONE)
		err = server_client_use(renew->client,
		    &(struct tls_identity){.ca_pem = identity.ca_pem,
			.certificate_pem = identity.certificate_pem,
			.key_pem = identity.key_pem});
	state_identity_free(&identity);
	return err;
}

/* Whether the server we talk to would still be believed under ca: a new
 * bundle must never be what cuts the terminal off. */
static bool would_work(struct renew *renew, const char *ca)
{
	struct state_identity identity = {0};
	struct state_config config;
	struct config_problem problem;
	struct server_client *trial = NULL;
	struct self self = {0};
	bool works = false;

	if (state_read_identity(renew->directory, &identity) == ERR_NONE &&
	    state_read_config(renew->directory, &config, &problem) ==
		ERR_NONE &&
	    server_client_new(&config.servers, &trial) == ERR_NONE &&
	    server_client_use(
		trial, &(struct tls_identity){.ca_pem = ca,
			   .certificate_pem = identity.certificate_pem,
			   .key_pem = identity.key_pem}) == ERR_NONE) {
		struct server_call call = server_client_call(trial);

		works = self_ask(&call, steady_ms() + CALL_WAIT_MS, &self) ==
			ERR_NONE;
	}
	self_free(&self);
	server_client_free(trial);
	state_identity_free(&identity);
	return works;
}

/* ca came over a connection that the old bundle vouches for. */
static enum err learn_ca(struct renew *renew, const char *ca)
{
	char *known = NULL;
	bool same;
	enum err err = state_read(renew->directory, STATE_CA, &known, NULL);

	if (err != ERR_NONE)
		return err;
	same = strcmp(known, ca) == 0;
	free(known);
	if (same)
		return ERR_NONE;
	if (!would_work(renew, ca)) {
		log_plain(LOG_ERR, "the server sent CA certificates under "
				   "which it would not be believed; ignored");
		return ERR_INVALID;
	}
	err = state_write(renew->directory, STATE_CA, 0644, ca, strlen(ca));
	if (err == ERR_NONE)
		err = use_state(renew);
	if (err == ERR_NONE)
		log_plain(LOG_NOTICE, "learnt new CA certificates");
	return err;
}

struct members {
	const char *certificate, *ca;
};

static const struct json_member renewal_members[] = {
    {.name = "certificate",
	.kind = JSON_MEMBER_LINES,
	.offset = offsetof(struct members, certificate),
	.required = true,
	.maximum = CERTIFICATE_PEM_BYTES_MAX},
    {.name = "ca",
	.kind = JSON_MEMBER_LINES,
	.offset = offsetof(struct members, ca),
	.required = true,
	.maximum = CERTIFICATE_PEM_BYTES_MAX},
};

/* On disk before its first use: that use retires the old certificate. */
static enum err adopt(
    struct renew *renew, const struct server_reply *reply, const char *key_pem)
{
	struct members members = {0};
	struct json_problem problem;
	json_t *object = NULL;
	enum err err;

	if (reply->status != 200)
		return ERR_NOT_ALLOWED;
	err = json_read(reply->body, reply->length, &object, &problem);
	if (err == ERR_NONE)
		err = json_take(object, renewal_members,
		    sizeof(renewal_members) / sizeof(renewal_members[0]), false,
		    &members, &problem);
	if (err == ERR_NONE)
		err = learn_ca(renew, members.ca);
	if (err == ERR_NONE)
		err = state_swap_identity(
		    renew->directory, key_pem, members.certificate);
	if (err == ERR_NONE)
		err = use_state(renew);
	json_decref(object);
	return err;
}

static enum err ask_certificate(
    struct renew *renew, const char *request_pem, struct server_reply *out)
{
	json_t *object = json_pack("{s:s}", "request", request_pem);
	char *body = object ? json_dumps(object, JSON_COMPACT) : NULL;
	struct server_request request = {.path = "/v1/terminals/renew",
	    .body = body,
	    .deadline_ms = steady_ms() + CALL_WAIT_MS};
	enum err err = ERR_MEMORY;

	json_decref(object);
	if (!body)
		return err;
	request.body_length = strlen(body);
	err = renew->server.perform(renew->server.context, &request, out);
	free(body);
	return err;
}

static enum err renew_certificate(struct renew *renew)
{
	struct server_reply reply = {0};
	EVP_PKEY *key = NULL;
	char *key_pem = NULL, *request_pem = NULL;
	size_t key_pem_length = 0;
	enum err err = certificate_key_new(&key);

	if (err == ERR_NONE)
		err = certificate_key_to_pem(key, &key_pem, &key_pem_length);
	if (err == ERR_NONE)
		err = certificate_request_new(key, &request_pem);
	if (err == ERR_NONE)
		err = ask_certificate(renew, request_pem, &reply);
	if (err == ERR_NONE)
		err = adopt(renew, &reply, key_pem);
	if (err == ERR_NONE)
		log_plain(LOG_NOTICE, "renewed this terminal's certificate");
	EVP_PKEY_free(key);
	if (key_pem)
		secret_wipe_bytes(key_pem, key_pem_length);
	free(key_pem);
	free(request_pem);
	server_reply_free(&reply);
	return err;
}

/* Up to an eighth more, so that terminals switched on together in the
 * morning do not ask together ever after. */
static int64_t spread(int64_t wait_ms)
{
	unsigned int random = 0;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return wait_ms;
	return wait_ms + random % (wait_ms / 8 + 1);
}

/* In an hour, or when the certificate is due. */
static int64_t until_next(int64_t renew_at, int64_t now_s)
{
	if (renew_at - now_s >= ROUND_EVERY_MS / 1000)
		return spread(ROUND_EVERY_MS);
	return renew_at > now_s ? (renew_at - now_s) * 1000 : RETRY_FIRST_MS;
}

/* Somebody may have joined this machine anew while the agent was running. */
static enum err ask_self(struct renew *renew, struct self *out)
{
	enum err err =
	    self_ask(&renew->server, steady_ms() + CALL_WAIT_MS, out);

	if (err == ERR_NOT_ALLOWED && use_state(renew) == ERR_NONE)
		err = self_ask(&renew->server, steady_ms() + CALL_WAIT_MS, out);
	if (err == ERR_NOT_ALLOWED)
		log_plain(LOG_ERR, "the server no longer accepts this "
				   "terminal's certificate; join again");
	return err;
}

static enum err renew_if_due(struct renew *renew, const struct self *self)
{
	int64_t now_s = (int64_t)time(NULL);
	enum err err;

	renew->next_ms = until_next(self->renew_at, now_s);
	if (self->renew_at > now_s) {
		renew->just_renewed = false;
		return ERR_NONE;
	}
	/* Due again at once: to this terminal's clock every certificate is. */
	if (renew->just_renewed) {
		renew->just_renewed = false;
		renew->rest_until_ms = steady_ms() + REST_MS;
		log_plain(LOG_WARNING, "a certificate just issued is due for "
				       "renewal: is the clock right?");
	}
	if (steady_ms() < renew->rest_until_ms) {
		renew->next_ms = ROUND_EVERY_MS;
		return ERR_NONE;
	}
	err = renew_certificate(renew);
	if (err == ERR_NONE) {
		renew->just_renewed = true;
		/* Using it tells the server that it arrived. */
		renew->next_ms = 0;
	} else {
		log_line(LOG_WARNING, "certificate not renewed",
		    LOG_TEXT("error", err_text(err)));
	}
	return err;
}

static enum err work_once(struct renew *renew)
{
	struct self self = {0};
	enum err err = ask_self(renew, &self);
	enum err watched = ERR_NONE;

	if (err == ERR_NONE) {
		watched = watch_head(renew->directory, &renew->server, &self);
		err = learn_ca(renew, self.ca);
	}
	if (err == ERR_NONE)
		err = renew_if_due(renew, &self);
	self_free(&self);
	return err == ERR_NONE ? watched : err;
}

/* True: stop. */
static bool wait_until(struct renew *renew, int64_t until_ms)
{
	const struct timespec until = {
	    .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
	int failed = 0;
	bool stopping;

	pthread_mutex_lock(&renew->lock);
	while (!renew->stopping && failed == 0)
		failed =
		    pthread_cond_timedwait(&renew->wake, &renew->lock, &until);
	stopping = renew->stopping;
	pthread_mutex_unlock(&renew->lock);
	return stopping;
}

/* True: stop. Waits until the next round is due, or the server came back. */
static bool wait_for_round(struct renew *renew, int64_t wait_ms)
{
	uint64_t opened = server_client_opened(renew->client);
	int64_t start_ms = steady_ms(), due_ms = start_ms + wait_ms;

	while (steady_ms() < due_ms) {
		int64_t look_ms = steady_ms() + RECONNECT_LOOK_MS;

		if (wait_until(renew, look_ms < due_ms ? look_ms : due_ms))
			return true;
		if (steady_ms() - start_ms >= RECONNECT_EVERY_MS &&
		    server_client_opened(renew->client) != opened)
			return false;
	}
	return false;
}

static void *work(void *argument)
{
	struct renew *renew = argument;
	int64_t retry_ms = RETRY_FIRST_MS, wait_ms;

	do {
		if (work_once(renew) == ERR_NONE) {
			retry_ms = RETRY_FIRST_MS;
			wait_ms = renew->next_ms;
		} else {
			wait_ms = retry_ms;
			if (retry_ms < ROUND_EVERY_MS / 2)
				retry_ms *= 2;
		}
	} while (!wait_for_round(renew, wait_ms));
	pthread_mutex_lock(&renew->lock);
	renew->ended = true;
	pthread_cond_signal(&renew->ended_signal);
	pthread_mutex_unlock(&renew->lock);
	return NULL;
}

static enum err start_thread(struct renew *renew)
{
	pthread_attr_t attributes;
	int failed;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	failed = pthread_create(&renew->thread, &attributes, work, renew);
	pthread_attr_destroy(&attributes);
	return failed ? ERR_MEMORY : ERR_NONE;
}

enum err renew_start(
    const char *directory, struct server_client *client, struct renew **out)
{
	struct renew *renew = calloc(1, sizeof(*renew));
	pthread_condattr_t attributes;
	enum err err;

	if (!renew)
		return ERR_MEMORY;
	renew->directory = directory;
	renew->client = client;
	renew->server = server_client_call(client);
	pthread_mutex_init(&renew->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&renew->wake, &attributes);
	pthread_cond_init(&renew->ended_signal, &attributes);
	pthread_condattr_destroy(&attributes);
	err = start_thread(renew);
	if (err != ERR_NONE)
		free(renew);
	else
		*out = renew;
	return err;
}

enum err renew_stop(struct renew *renew)
{
	const int64_t until_ms = steady_ms() + STOP_WAIT_MS;
	const struct timespec until = {
	    .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
	int failed = 0;

	if (!renew)
		return ERR_NONE;
	pthread_mutex_lock(&renew->lock);
	renew->stopping = true;
	pthread_cond_signal(&renew->wake);
	while (!renew->ended && failed == 0)
		failed = pthread_cond_timedwait(
		    &renew->ended_signal, &renew->lock, &until);
	failed = !renew->ended;
	pthread_mutex_unlock(&renew->lock);
	if (failed)
		return ERR_TIMEOUT;
	pthread_join(renew->thread, NULL);
	pthread_cond_destroy(&renew->wake);
	pthread_cond_destroy(&renew->ended_signal);
	pthread_mutex_destroy(&renew->lock);
	free(renew);
	return ERR_NONE;
}
