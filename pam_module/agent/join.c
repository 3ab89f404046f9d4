/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/join.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pam_module/agent/https.h"
#include "pam_module/agent/state.h"
#include "pam_module/agent/steady.h"
#include "shared/certificate.h"
#include "shared/encode.h"
#include "shared/json.h"

#define AGENT_USER "sekimori-agent"

enum {
	JOIN_WAIT_MS = 15000,
	AUDIT_KEY_BYTES = 32
};

/* All that join makes and gets, until it is written. */
struct join {
	const struct join_request *request;
	struct join_result *result;
	struct https_server server;
	EVP_PKEY *key;
	char *key_pem;
	size_t key_pem_length;
	char *request_pem;
	struct server_reply reply;
	json_t *answer;
	const char *terminal, *certificate, *ca, *audit_key;
};

__attribute__((format(printf, 3, 4))) static enum err problem(
    struct join *join, enum err err, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(join->result->problem, sizeof(join->result->problem), format,
	    arguments);
	va_end(arguments);
	return err;
}

/* Made if missing: for the agent's own user if there is one, since join is
 * mostly run by root and the agent is not root. */
static enum err make_directory(const char *directory)
{
	const struct passwd *agent = NULL;

	if (mkdir(directory, 0700) != 0)
		return errno == EEXIST ? ERR_NONE : ERR_IO;
	if (geteuid() == 0)
		agent = getpwnam(AGENT_USER);
	if (agent && chown(directory, agent->pw_uid, agent->pw_gid) != 0)
		return ERR_IO;
	return ERR_NONE;
}

static enum err check_request(struct join *join)
{
	const struct join_request *request = join->request;

	if (!https_read_url(request->url, &join->server))
		return problem(join, ERR_INVALID,
		    "\"%s\" is not https://HOST:PORT.", request->url);
	if (!request->replace && state_has(request->directory, STATE_KEY))
		return problem(join, ERR_EXISTS,
		    "%s already holds a terminal's key. To replace it, add "
		    "--force.",
		    request->directory);
	/* Before the code is spent. */
	if (make_directory(request->directory) != ERR_NONE ||
	    access(request->directory, W_OK | X_OK) != 0)
		return problem(join, ERR_IO, "%s cannot be written to: %s.",
		    request->directory, strerror(errno));
	return ERR_NONE;
}

static enum err make_key(struct join *join)
{
	enum err err = certificate_key_new(&join->key);

	if (err == ERR_NONE)
		err = certificate_key_to_pem(
		    join->key, &join->key_pem, &join->key_pem_length);
	if (err == ERR_NONE)
		err = certificate_request_new(join->key, &join->request_pem);
	if (err != ERR_NONE)
		return problem(
		    join, err, "No key could be made: %s.", err_text(err));
	return ERR_NONE;
}

static enum err explain_fault(
    struct join *join, enum err err, enum https_fault fault)
{
	static const char *const advice[] = {
	    [HTTPS_FAULT_NONE] = "Try again.",
	    [HTTPS_FAULT_UNKNOWN_HOST] = "Check the name and this machine's "
					 "name servers.",
	    [HTTPS_FAULT_UNREACHABLE] = "Check address, port, firewall, and "
					"that sekimorid runs.",
	    [HTTPS_FAULT_NO_TLS] = "Check the port.",
	    [HTTPS_FAULT_UNTRUSTED] = "This code belongs to another server, or "
				      "somebody stands in between. Nothing "
				      "was sent. Check code and address.",
	    [HTTPS_FAULT_WRONG_NAME] = "Use a name listed under server_names "
				       "in sekimorid.conf, or add this one "
				       "there.",
	    [HTTPS_FAULT_DATES] = "Check the clock of this machine and of the "
				  "server.",
	    [HTTPS_FAULT_GARBAGE] = "Check the port.",
	};

	return problem(join, err, "%s %s. %s", join->request->url,
	    https_fault_text(fault), advice[fault]);
}

static enum err exchange(struct join *join, const char *body)
{
	const struct server_request request = {.path = "/v1/terminals/join",
	    .body = body,
	    .body_length = strlen(body)};
	int64_t deadline_ms = steady_ms() + JOIN_WAIT_MS;
	struct https_connection *connection = NULL;
	enum https_fault fault = HTTPS_FAULT_NONE;
	SSL_CTX *context = NULL;
	enum err err =
	    tls_context_new_pinned(&join->request->code->pin, &context);

	if (err != ERR_NONE)
		return problem(
		    join, err, "TLS cannot start: %s.", err_text(err));
	err = https_open(
	    &join->server, context, deadline_ms, NULL, &connection, &fault);
	if (err != ERR_NONE)
		err = explain_fault(join, err, fault);
	else if ((err = https_exchange(connection, &request, deadline_ms,
		      &join->reply)) != ERR_NONE)
		problem(join, err,
		    "%s took the code but its answer was lost (%s). If it "
		    "refuses the code now, issue another.",
		    join->request->url, err_text(err));
	https_close(connection);
	SSL_CTX_free(context);
	return err;
}

/* By hand: no copies of the code in freed memory. PEM needs only its line
 * feeds escaped. */
static enum err make_body(const struct join *join, char **out, size_t *out_size)
{
	const struct secret *code = &join->request->code->shown;
	size_t size = code->length + 2 * strlen(join->request_pem) + 64;
	char *body = malloc(size);
	size_t used;

	if (!body)
		return ERR_MEMORY;
	used = (size_t)snprintf(body, size, "{\"code\":\"%.*s\",\"request\":\"",
	    (int)code->length, (const char *)code->bytes);
	for (const char *c = join->request_pem; *c; c++) {
		if (*c == '\n')
			body[used++] = '\\';
		body[used++] = *c == '\n' ? 'n' : *c;
	}
	snprintf(body + used, size - used, "\"}");
	*out = body;
	*out_size = size;
	return ERR_NONE;
}

static enum err send_request(struct join *join)
{
	char *body = NULL;
	size_t size = 0;
	enum err err = make_body(join, &body, &size);

	if (err != ERR_NONE)
		return problem(join, err, "Out of memory.");
	err = exchange(join, body);
	secret_wipe_bytes(body, size);
	free(body);
	return err;
}

static enum err check_status(struct join *join)
{
	int status = join->reply.status;

	if (status == 200)
		return ERR_NONE;
	if (status == 403 || status == 404 || status == 409)
		return problem(join, ERR_NOT_ALLOWED,
		    "%s refuses the code: it is wrong, used already, or older "
		    "than ten minutes. Issue another: sekimorictl terminal "
		    "add NAME.",
		    join->request->url);
	if (status == 429)
		return problem(join, ERR_BUSY,
		    "%s has seen too many wrong codes. Wait a minute.",
		    join->request->url);
	return problem(join, ERR_UNREACHABLE,
	    "%s cannot admit terminals now (status %d).", join->request->url,
	    status);
}

struct answer {
	const char *terminal, *certificate, *ca, *audit_key;
};

static const struct json_member answer_members[] = {
    {.name = "terminal",
	.kind = JSON_MEMBER_NAME,
	.offset = offsetof(struct answer, terminal),
	.required = true},
    {.name = "certificate",
	.kind = JSON_MEMBER_LINES,
	.offset = offsetof(struct answer, certificate),
	.required = true,
	.maximum = CERTIFICATE_PEM_BYTES_MAX},
    {.name = "ca",
	.kind = JSON_MEMBER_LINES,
	.offset = offsetof(struct answer, ca),
	.required = true,
	.maximum = CERTIFICATE_PEM_BYTES_MAX},
    {.name = "audit_key",
	.kind = JSON_MEMBER_TEXT,
	.offset = offsetof(struct answer, audit_key),
	.required = true,
	.maximum = ENCODE_BASE64_SIZE(AUDIT_KEY_BYTES)},
};

static bool holds_pinned_ca(const struct join *join)
{
	STACK_OF(X509) *bundle = NULL;
	unsigned char hash[CERTIFICATE_HASH_BYTES];
	bool found = false;

	if (certificate_stack_from_pem(join->ca, strlen(join->ca), &bundle) !=
	    ERR_NONE)
		return false;
	for (int i = 0; !found && i < sk_X509_num(bundle); i++)
		found = certificate_spki_hash(sk_X509_value(bundle, i), hash) ==
			    ERR_NONE &&
			memcmp(hash, join->request->code->pin.bytes,
			    TLS_PIN_BYTES) == 0;
	sk_X509_pop_free(bundle, X509_free);
	return found;
}

static bool answer_fits(const struct join *join)
{
	const struct tls_identity identity = {.ca_pem = join->ca,
	    .certificate_pem = join->certificate,
	    .key_pem = join->key_pem};
	unsigned char audit_key[AUDIT_KEY_BYTES];
	size_t length = 0;
	SSL_CTX *context = NULL;

	if (!holds_pinned_ca(join) ||
	    decode_base64(join->audit_key, strlen(join->audit_key), audit_key,
		sizeof(audit_key), &length) != ERR_NONE ||
	    length != AUDIT_KEY_BYTES ||
	    tls_context_new(&identity, &context) != ERR_NONE)
		return false;
	SSL_CTX_free(context);
	return true;
}

static enum err read_answer(struct join *join)
{
	struct answer answer = {0};
	struct json_problem json_problem;
	enum err err = check_status(join);

	if (err != ERR_NONE)
		return err;
	err = json_read(
	    join->reply.body, join->reply.length, &join->answer, &json_problem);
	if (err == ERR_NONE)
		err = json_take(join->answer, answer_members,
		    sizeof(answer_members) / sizeof(answer_members[0]), false,
		    &answer, &json_problem);
	join->terminal = answer.terminal;
	join->certificate = answer.certificate;
	join->ca = answer.ca;
	join->audit_key = answer.audit_key;
	if (err != ERR_NONE || !answer_fits(join))
		return problem(join, ERR_INVALID,
		    "%s answers something that is no certificate for this "
		    "terminal.",
		    join->request->url);
	snprintf(join->result->terminal, sizeof(join->result->terminal), "%s",
	    join->terminal);
	return ERR_NONE;
}

static enum err write_state(struct join *join)
{
	const char *directory = join->request->directory;
	char config[CONFIG_VALUE_SIZE + 32];
	enum err err;

	snprintf(config, sizeof(config), "[agent]\nservers = %s\n",
	    join->request->url);
	err =
	    state_write(directory, STATE_CA, 0644, join->ca, strlen(join->ca));
	if (err == ERR_NONE)
		err = state_write(directory, STATE_AUDIT_KEY, 0644,
		    join->audit_key, strlen(join->audit_key));
	if (err == ERR_NONE)
		err = state_write(
		    directory, STATE_CONFIG, 0644, config, strlen(config));
	if (err == ERR_NONE)
		err = state_remove(directory, STATE_HEAD);
	if (err == ERR_NONE)
		err = state_swap_identity(
		    directory, join->key_pem, join->certificate);
	if (err != ERR_NONE)
		return problem(join, err,
		    "%s cannot be written: %s. The code is spent; mend this "
		    "and issue another.",
		    directory, err_text(err));
	return ERR_NONE;
}

enum err join_run(const struct join_request *request, struct join_result *out)
{
	struct join join = {.request = request, .result = out};
	enum err err;

	memset(out, 0, sizeof(*out));
	err = check_request(&join);
	if (err == ERR_NONE)
		err = make_key(&join);
	if (err == ERR_NONE)
		err = send_request(&join);
	if (err == ERR_NONE)
		err = read_answer(&join);
	if (err == ERR_NONE)
		err = write_state(&join);
	EVP_PKEY_free(join.key);
	if (join.key_pem)
		secret_wipe_bytes(join.key_pem, join.key_pem_length);
	free(join.key_pem);
	free(join.request_pem);
	server_reply_free(&join.reply);
	json_decref(join.answer);
	return err;
}
