/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one decision costs the thread that holds the store, without network
 * and JSON: look the person up, load, decide, apply, record, remember, in
 * batches that commit. Prints microseconds per decision.
 *
 *	decide_loop FOLDER [PERSONS [BATCH [DECISIONS]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/keys/keyring.h"
#include "server/store/audit.h"
#include "server/store/once.h"
#include "server/store/subject.h"
#include "server/store/token.h"

enum {
	NOW_S = 1800000000,
	SEED_BYTES = 20
};

static void demand(enum err err, const char *what)
{
	if (err == ERR_NONE)
		return;
	fprintf(stderr, "decide_loop: %s: %s\n", what, err_text(err));
	exit(1);
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void make_token(long number, struct token *out)
{
	memset(out, 0, sizeof(*out));
	out->state = TOKEN_ACTIVE;
	out->created_at = NOW_S;
	out->otp.digits = 6;
	out->otp.period_s = 30;
	out->otp.seed.length = SEED_BYTES;
	snprintf((char *)out->otp.seed.bytes, SEED_BYTES, "seed %ld", number);
}

static void add_person(struct store *store, long number)
{
	struct person person = {
	    .kind = "regular", .enrolled_at = NOW_S, .created_at = NOW_S};
	const struct token_deed deed = {"bench", "bench", NOW_S};
	struct token token;

	snprintf(person.user, sizeof(person.user), "u%05ld", number);
	memcpy(person.login, person.user, sizeof(person.user));
	demand(person_add(store, &person), "person_add");
	make_token(number, &token);
	token.person_id = person.id;
	demand(token_add(store, &token, &deed), "token_add");
}

static void add_persons(struct store *store, long persons)
{
	for (long i = 0; i < persons;) {
		demand(store_begin(store), "begin");
		for (int n = 0; n < 1000 && i < persons; n++, i++)
			add_person(store, i);
		demand(store_commit(store), "commit");
	}
}

static void record(
    struct store *store, const struct person *person, int64_t now_ms)
{
	struct audit_entry entry = {.kind = "login", .time_ms = now_ms};

	audit_add_text(&entry, "request", "0123456789abcdef");
	audit_add_text(&entry, "user", person->user);
	audit_add_text(&entry, "terminal", "window-07");
	audit_add_text(&entry, "service", "sshd");
	audit_add_text(&entry, "tty", "pts/0");
	audit_add_text(&entry, "rhost", "192.0.2.7");
	audit_add_text(&entry, "first_factor", "proven");
	audit_add_text(&entry, "factor", "otp");
	audit_add_text(&entry, "result", "accept");
	audit_add_text(&entry, "token", "SK0123456789");
	demand(audit_append(store, &entry, NULL), "audit");
}

static void remember(struct store *store, const struct person *person,
    uint64_t number, int64_t now_s)
{
	struct once once =
			{
			    .person_id = person->id,
			    .terminal_id = 1,
			    .until = now_s + 60,
			    .result = RESULT_ACCEPT,
			    .verdict_length = 120,
			},
		    found;
	uint64_t mixed = (number + 1) * 0x9e3779b97f4a7c15u;

	memcpy(once.key, &mixed, sizeof(mixed));
	memcpy(once.key + 8, &number, sizeof(number));
	memset(once.verdict, 'v', once.verdict_length);
	if (once_find(store, once.key, now_s, &found) == ERR_NOT_FOUND)
		demand(once_add(store, &once), "once_add");
}

static void decide_once(
    struct store *store, long who, uint64_t number, int64_t now_s)
{
	static const struct decide_limits limits = {
	    .throttle = {5, 30, 3600, 50}, .window = {1, 10}};
	const struct policy_answer permit = {
	    .action = POLICY_PERMIT, .factors = 1u << FACTOR_OTP, .rule = ""};
	struct question question = {
	    .factor = FACTOR_OTP,
	    .proven = true,
	    .clock_trusted = true,
	    .now_s = now_s,
	};
	char user[16], code[OTP_DIGITS_MAX + 1];
	struct decision decision;
	struct subject subject;
	struct person person;
	struct token token;

	make_token(who, &token);
	demand(otp_generate(&token.otp, now_s / 30, code), "otp");
	demand(secret_set(&question.code, code, 6), "code");
	snprintf(user, sizeof(user), "u%05ld", who);
	demand(person_find_login(store, user, NULL, &person), "person");
	demand(subject_load(store, &person, FACTOR_OTP, 1, now_s, &subject),
	    "load");
	decision = decide(&question, &subject, &permit, &limits);
	if (decision.result != RESULT_ACCEPT)
		demand(ERR_NOT_ALLOWED, "decide");
	demand(subject_apply(store, &person, FACTOR_OTP, 1, &subject, &decision,
		   true, now_s),
	    "apply");
	record(store, &person, now_s * 1000);
	remember(store, &person, number, now_s);
	subject_wipe(&subject);
	question_wipe(&question);
}

static struct store *make_store(const char *folder, struct keyring **keyring)
{
	char db[512], kek[512];
	struct store *store = NULL;

	snprintf(db, sizeof(db), "%s/db", folder);
	snprintf(kek, sizeof(kek), "%s/kek", folder);
	demand(keyring_create(kek), "keyring_create");
	demand(keyring_open(kek, keyring), "keyring_open");
	demand(store_create(db, *keyring, NOW_S * (int64_t)1000), "create");
	demand(store_open(db, *keyring, NOW_S, &store), "open");
	return store;
}

int main(int argc, char **argv)
{
	long persons = argc > 2 ? atol(argv[2]) : 20000;
	long batch = argc > 3 ? atol(argv[3]) : 64;
	long decisions = argc > 4 ? atol(argv[4]) : 200000;
	struct keyring *keyring = NULL;
	struct store *store = NULL;
	double start, commits = 0;

	if (argc < 2 || persons < 1 || batch < 1 || otp_init() != ERR_NONE)
		return 2;
	store = make_store(argv[1], &keyring);
	start = now_us();
	add_persons(store, persons);
	printf("%.1f us a person with token\n", (now_us() - start) / persons);
	start = now_us();
	for (long i = 0; i < decisions;) {
		demand(store_begin(store), "begin");
		for (long n = 0; n < batch && i < decisions; n++, i++)
			decide_once(store, i * 7919 % persons, (uint64_t)i,
			    NOW_S + i / persons * 30 + 30);
		commits -= now_us();
		demand(store_commit(store), "commit");
		commits += now_us();
	}
	printf("%.1f us a decision, of these %.1f us commit\n",
	    (now_us() - start) / decisions, commits / decisions);
	store_close(store);
	keyring_free(keyring);
	return 0;
}
