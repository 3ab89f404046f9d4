/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's store in a scratch directory, and the admin verbs on it, each
 * run as the batch would run it.
 */
#ifndef SEKIMORI_TESTS_ADMIN_WORLD_H
#define SEKIMORI_TESTS_ADMIN_WORLD_H

#include "server/api_admin.h"
#include "server/core/otp.h"
#include "server/store/token.h"

enum {
	NOW = 1774926000
}; /* 2026-03-31 12:00 in Tokyo */

/* Base32 of the RFC's ASCII seed. */
#define SECRET "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

struct fixture {
	char folder[64], key_path[96], db_path[96];
	struct keyring *keyring;
	struct server *server;
	int64_t now_s;
	struct admin admin; /* who calls; root at first */
	char actor[ADMIN_ACTOR_SIZE];
	char origin[ADMIN_ORIGIN_SIZE]; /* from where */
	bool has_session;               /* then whoever has it calls */
	unsigned char session[ADMIN_TOKEN_BYTES];
	int status; /* of the last call */
	char detail[ADMIN_DETAIL_SIZE];
};

void act_as_root(struct fixture *f);
int setup(void **state);
int teardown(void **state);
json_t *call_at(
    struct fixture *f, const char *path, const char *body, bool trusted);
json_t *call(struct fixture *f, const char *path, const char *body);
void must(struct fixture *f, const char *path, const char *body);
void must_refuse(
    struct fixture *f, const char *path, const char *body, int status);
void get_text(struct fixture *f, const char *path, const char *body,
    const char *object, const char *member, char *out, size_t size);
void code_at(int64_t time_s, char out[OTP_DIGITS_MAX + 1]);
void enrol(struct fixture *f, char serial[TOKEN_SERIAL_SIZE]);
json_t *confirm(struct fixture *f, const char *serial, const char *code);
void newest_record(struct fixture *f, char *out, size_t size);
void must_have_recorded(struct fixture *f, const char *part);
struct admin_job *job_of(
    struct fixture *f, const char *path, const char *body, bool trusted);
bool run_once(struct fixture *f, struct admin_job *job);

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
