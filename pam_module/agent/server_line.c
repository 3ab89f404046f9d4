/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/server_line.h"

#include <pthread.h>
#include <stdlib.h>

#include "pam_module/agent/steady.h"

struct server_line {
	struct server_client *client;
	pthread_mutex_t lock; /* over what follows */
	struct https_connection *connection;
	uint64_t generation; /* of the certificate it was made with */
	bool ended;
};

enum err server_line_new(struct server_client *client, struct server_line **out)
{
	struct server_line *line = calloc(1, sizeof(*line));

	if (!line)
		return ERR_MEMORY;
	line->client = client;
	pthread_mutex_init(&line->lock, NULL);
	*out = line;
	return ERR_NONE;
}

static void drop(struct server_line *line)
{
	struct https_connection *connection;

	pthread_mutex_lock(&line->lock);
	connection = line->connection;
	line->connection = NULL;
	pthread_mutex_unlock(&line->lock);
	https_close(connection);
}

static bool is_good(struct server_line *line)
{
	return line->connection &&
	       line->generation == server_client_generation(line->client) &&
	       https_is_usable(line->connection);
}

static enum err open_line(struct server_line *line)
{
	struct https_connection *fresh = NULL;
	uint64_t generation = 0;
	enum err err;

	if (is_good(line))
		return ERR_NONE;
	drop(line);
	err = server_client_open(line->client,
	    steady_ms() + SERVER_LINE_OPEN_MS, &fresh, &generation);
	if (err != ERR_NONE)
		return err;
	pthread_mutex_lock(&line->lock);
	if (!line->ended) {
		line->connection = fresh;
		line->generation = generation;
		fresh = NULL;
	}
	pthread_mutex_unlock(&line->lock);
	https_close(fresh);
	return line->connection ? ERR_NONE : ERR_UNREACHABLE;
}

static enum err perform(void *context, const struct server_request *request,
    struct server_reply *out)
{
	struct server_line *line = context;
	enum err err = open_line(line);

	if (err != ERR_NONE)
		return err;
	err = https_exchange(
	    line->connection, request, request->deadline_ms, out);
	if (err != ERR_NONE || out->status >= 500)
		drop(line);
	return err;
}

struct server_call server_line_call(struct server_line *line)
{
	return (struct server_call){.perform = perform, .context = line};
}

void server_line_end(struct server_line *line)
{
	pthread_mutex_lock(&line->lock);
	line->ended = true;
	if (line->connection)
		https_hang_up(line->connection);
	pthread_mutex_unlock(&line->lock);
}

void server_line_free(struct server_line *line)
{
	if (!line)
		return;
	drop(line);
	pthread_mutex_destroy(&line->lock);
	free(line);
}
