/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks: root or the server's own user on the socket, or whoever has the
 * token of a session, from the place where it was opened. What a session may
 * do is asked of the store each time, so that a role taken away is gone. And
 * `sekimorictl admin signout`. Opening one is api_admin_signin.c's.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/api_admin.h"
#include "server/rate.h"
#include "server/store/admin_session.h"
#include "shared/encode.h"

enum {
	STRANGERS_A_MINUTE =
	    30, /* calls with a token that is none, from one address */
};

/* --- on the loop's thread ------------------------------------------------- */

static bool may_administer(const struct http_peer *peer)
{
	return peer->kind == HTTP_PEER_LOCAL &&
	       (peer->uid == 0 || peer->uid == geteuid());
}

/* sudo leaves its trace in it; -1: none. */
static int64_t read_loginuid(pid_t pid)
{
	char path[64], text[32] = {0};
	int64_t found = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/loginuid", (long)pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	/* 4294967295 is the kernel's word for nobody. */
	if (fgets(text, sizeof(text), file) && text[0] >= '0' &&
	    text[0] <= '9' && strtoul(text, NULL, 10) != 0xffffffffUL)
		found = (int64_t)strtoul(text, NULL, 10);
	fclose(file);
	return found;
}

static void identify_local(struct admin_job *job, const struct http_peer *peer)
{
	job->loginuid = read_loginuid(peer->pid);
	if (may_administer(peer))
		job->admin.role = ADMIN_ROLE_OWNER;
	if (peer->uid == 0)
		snprintf(job->actor, sizeof(job->actor), "root");
	else
		snprintf(job->actor, sizeof(job->actor), "uid %lu",
		    (unsigned long)peer->uid);
	/* Several officers become root by sudo; the login tells them apart. */
	snprintf(job->origin, sizeof(job->origin), "uid %lu login %lld",
	    (unsigned long)peer->uid, (long long)job->loginuid);
}

void admin_identify_peer(struct admin_job *job)
{
	const struct http_peer *peer = job->exchange->peer;
	const char *bearer = job->exchange->message->bearer;
	size_t length = 0;

	job->loginuid = -1;
	job->admin = (struct admin){0};
	snprintf(job->actor, sizeof(job->actor), "nobody");
	if (peer->kind == HTTP_PEER_LOCAL)
		identify_local(job, peer);
	else
		snprintf(job->origin, sizeof(job->origin), "%s", peer->address);
	/* Also on the socket: then it is a person who asks, not root. */
	job->by_session = bearer[0] != '\0' && !job->verb->is_open;
	if (job->by_session && (decode_base64url(bearer, strlen(bearer),
				    job->token, sizeof(job->token), &length) ||
				   length != sizeof(job->token)))
		secret_wipe_bytes(job->token, sizeof(job->token));
}

/* Of an IPv6 address the network counts, of which one machine has all. */
static void address_key(enum rate_kind kind, const struct http_peer *peer,
    unsigned char out[CERTIFICATE_HASH_BYTES])
{
	unsigned char address[16] = {0};

	if (inet_pton(AF_INET6, peer->address, address) == 1)
		memset(address + 8, 0, 8);
	else
		(void)inet_pton(AF_INET, peer->address, address);
	memset(out, 0, CERTIFICATE_HASH_BYTES);
	out[0] = (unsigned char)kind;
	out[1] = strchr(peer->address, ':') != NULL;
	memcpy(out + 2, address, sizeof(address));
}

bool admin_may_ask(const struct admin_job *job)
{
	const struct http_peer *peer = job->exchange->peer;
	enum rate_kind kind = job->verb->is_open ? RATE_SIGNINS : RATE_TOKENS;
	unsigned char key[CERTIFICATE_HASH_BYTES];

	if (peer->kind == HTTP_PEER_LOCAL)
		return true;
	address_key(kind, peer, key);
	if (!rate_failures_allow(job->server->signins, key,
		job->verb->is_open ? job->server->settings.admin_signins
				   : STRANGERS_A_MINUTE,
		job->now_ms))
		return false;
	if (job->verb->is_open)
		rate_count_failure(job->server->signins, key, job->now_ms);
	return true;
}

void admin_count_stranger(const struct admin_job *job)
{
	const struct http_peer *peer = job->exchange->peer;
	unsigned char key[CERTIFICATE_HASH_BYTES];

	if (peer->kind == HTTP_PEER_LOCAL)
		return;
	address_key(RATE_TOKENS, peer, key);
	rate_count_failure(job->server->signins, key, job->now_ms);
}

static bool is_local(const struct admin_job *job)
{
	return job->exchange && job->exchange->peer->kind == HTTP_PEER_LOCAL;
}

/* --- inside the transaction ------------------------------------------------
 */

static bool is_in_office(const struct person *person, int64_t now_s)
{
	return person->state == PERSON_ACTIVE && !person->frozen &&
	       now_s >= person->valid_from &&
	       (person->valid_until == 0 || now_s < person->valid_until);
}

static enum err find_holder(
    struct admin_job *job, struct store *store, struct person *out)
{
	int64_t person_id = 0;
	enum err err = admin_session_use(
	    store, job->token, job->origin, job->time.now_s, &person_id);

	if (!err)
		err = person_by_id(store, person_id, out);
	if (!err && !is_in_office(out, job->time.now_s))
		err = ERR_NOT_FOUND;
	return err ? err : admin_get(store, person_id, &job->admin);
}

enum err admin_identify_session(struct admin_job *job, struct store *store)
{
	struct person person;
	enum err err;

	job->admin = (struct admin){0};
	snprintf(job->actor, sizeof(job->actor), "nobody");
	/* It would never end. */
	if (!admin_needs_clock(job))
		return ERR_NONE;
	err = find_holder(job, store, &person);
	if (err == ERR_NOT_FOUND) {
		job->admin = (struct admin){0};
		job->reason = job->told = "signed_out";
		return admin_refuse(job, 403,
		    "You are not signed in, or no longer: `sekimorictl admin "
		    "signin ID`.%s",
		    is_local(job) ? " `sekimorictl admin signout` makes you "
				    "root again."
				  : "");
	}
	if (!err)
		snprintf(
		    job->actor, sizeof(job->actor), "admin %s", person.user);
	return err;
}

/* Everything that is open in somebody's name, wherever. */
static enum err sign_out_person(struct admin_job *job, struct store *store)
{
	const char *id = job->arguments.id;
	struct person person = {0};
	bool found = false;
	enum err err = ERR_NONE;

	if (job->admin.person_id != 0)
		err = person_by_id(store, job->admin.person_id, &person);
	if (!err && strcmp(person.user, id) == 0)
		found = true;
	else if (!err && job->admin.role != ADMIN_ROLE_OWNER)
		return admin_refuse(
		    job, 403, "Only an owner signs somebody else out.");
	else if (!err)
		err = admin_find_person(job, store, id, &person, &found);
	if (err || !found)
		return err;
	snprintf(job->user, sizeof(job->user), "%s", person.user);
	err = admin_sessions_end(store, person.id);
	return err ? err : admin_answer(job, json_object());
}

static enum err admin_signout(struct admin_job *job, struct store *store)
{
	enum err err;

	if (job->arguments.id)
		return sign_out_person(job, store);
	if (!job->by_session)
		return admin_refuse(job, 409, "Nobody is signed in here.");
	err = admin_session_end(store, job->token);
	return err ? err : admin_answer(job, json_object());
}

const struct admin_verb ADMIN_SESSION_VERBS[] = {
    {.path = "signout",
	.action = "admin signout",
	.roles = ADMIN_EVERYBODY,
	.by_department = true,
	.members = {ADMIN_NAME(id, false)},
	.run = admin_signout},
    {0},
};
