/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pam_module/agent/self.h"
#include "pam_module/agent/server_client.h"
#include "pam_module/agent/state.h"
#include "pam_module/agent/steady.h"
#include "shared/certificate.h"

enum {
	STATUS_WAIT_MS = 5000,
	DATE_SIZE = 32,
	LABEL_WIDTH = 13
};

static void print(const char *label, const char *value)
{
	printf("%-*s %s\n", LABEL_WIDTH, label, value);
}

static void print_time(const char *label, int64_t unix_s)
{
	time_t when = (time_t)unix_s;
	struct tm parts;
	char text[DATE_SIZE] = "?";

	if (localtime_r(&when, &parts))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &parts);
	print(label, text);
}

static void print_certificate(const char *pem)
{
	X509 *certificate = NULL;
	int64_t from = 0, until = 0;

	if (certificate_from_pem(pem, strlen(pem), &certificate) == ERR_NONE &&
	    certificate_validity(certificate, &from, &until) == ERR_NONE)
		print_time("valid until:", until);
	X509_free(certificate);
}

static void print_head(const char *directory)
{
	struct head head;
	char *text = NULL;
	size_t length = 0;
	char line[160] = "none yet";

	if (state_read(directory, STATE_HEAD, &text, &length) == ERR_NONE &&
	    head_parse(text, length, &head) == ERR_NONE)
		snprintf(line, sizeof(line), "%lld %s", (long long)head.seq,
		    head.hash);
	free(text);
	print("kept head:", line);
}

static bool print_server(struct server_client *client)
{
	struct server_call call = server_client_call(client);
	struct self self = {0};
	enum err err = self_ask(&call, steady_ms() + STATUS_WAIT_MS, &self);

	if (err != ERR_NONE) {
		print("server:", err == ERR_NOT_ALLOWED
				     ? "refuses this terminal's certificate"
				     : err_text(err));
		return false;
	}
	print("server:", "answers");
	print("terminal:", self.terminal);
	print_time("renewal due:", self.renew_at);
	self_free(&self);
	return true;
}

static bool print_joined(
    const char *directory, const struct state_identity *identity)
{
	struct state_config config;
	struct config_problem problem = {0};
	struct server_client *client = NULL;
	bool well = false;

	if (state_read_config(directory, &config, &problem) != ERR_NONE) {
		print("config:", problem.text);
		return false;
	}
	for (size_t i = 0; i < config.servers.count; i++)
		print("joined to:", config.servers.items[i]);
	print_certificate(identity->certificate_pem);
	if (server_client_new(&config.servers, &client) == ERR_NONE &&
	    server_client_use(
		client, &(struct tls_identity){.ca_pem = identity->ca_pem,
			    .certificate_pem = identity->certificate_pem,
			    .key_pem = identity->key_pem}) == ERR_NONE)
		well = print_server(client);
	else
		print("server:", "key, certificate or CA is unusable");
	server_client_free(client);
	print_head(directory);
	return well;
}

bool status_print(const char *directory, const char *socket_path)
{
	struct state_identity identity = {0};
	enum err err = state_read_identity(directory, &identity);
	bool well;

	print("state:", directory);
	print("socket:", socket_path);
	if (err != ERR_NONE) {
		print("joined to:",
		    err == ERR_NOT_FOUND ? "nothing" : err_text(err));
		return false;
	}
	well = print_joined(directory, &identity);
	state_identity_free(&identity);
	return well;
}
