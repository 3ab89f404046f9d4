/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When certificates are made and how long they last. Writes rows and leaves
 * the authority in memory as it is: others may be signing with it, and the
 * transaction may yet be rolled back. Whoever asked loads a new one after the
 * commit.
 */
#include "server/keys/authority_private.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/keys/issue.h"
#include "shared/secret.h"

enum {
	PUBLISH_AT = 4, /* a quarter of a CA's life is left */
	RENEW_AT = 3,   /* a third of a leaf's life is left */
	INSTANCE_SHOWN = 8,
};

static int64_t publish_at(const struct holder *ca)
{
	return ca->until - (ca->until - ca->from) / PUBLISH_AT;
}

static int64_t renew_at(const struct holder *leaf)
{
	return leaf->until - (leaf->until - leaf->from) / RENEW_AT;
}

/* --- making --- */

/* Writes a certificate with its key as the next row. */
static enum err keep(
    struct store *store, enum authority_kind kind, const struct holder *holder)
{
	struct authority_row row = {.id = holder->id,
	    .kind = kind,
	    .from = holder->from,
	    .until = holder->until};
	char *certificate = NULL;
	char *key = NULL;
	size_t length = 0;
	enum err err = certificate_to_pem(holder->certificate, &certificate);

	if (err == ERR_NONE)
		err = certificate_key_to_pem(holder->key, &key, &length);
	if (err == ERR_NONE &&
	    (strlen(certificate) >= sizeof(row.certificate) ||
		length > sizeof(row.key)))
		err = ERR_TOO_LONG;
	if (err == ERR_NONE) {
		strcpy(row.certificate, certificate);
		memcpy(row.key, key, length);
		row.key_length = length;
		err = authority_rows_add(store, &row);
	}
	authority_rows_wipe(&row, 1);
	secret_wipe_bytes(key, key ? length : 0);
	free(key);
	free(certificate);
	return err;
}

/* The caller clears *out. */
static enum err make_ca(
    struct store *store, int64_t now_s, int64_t lifetime_s, struct holder *out)
{
	char name[64];
	struct holder ca = {.from = now_s, .until = now_s + lifetime_s};
	enum err err = authority_rows_next_id(store, &ca.id);

	if (err == ERR_NONE)
		err = certificate_key_new(&ca.key);
	if (err == ERR_NONE) {
		snprintf(name, sizeof(name), "Sekimori CA %.*s %lld",
		    INSTANCE_SHOWN, store->instance, (long long)ca.id);
		err = issue_authority(
		    &(struct issue_subject){ca.key, name, ca.from, ca.until},
		    &ca.certificate);
	}
	if (err == ERR_NONE)
		err = keep(store, AUTHORITY_CA, &ca);
	if (err != ERR_NONE) {
		authority_holder_clear(&ca);
		return err;
	}
	*out = ca;
	return ERR_NONE;
}

static enum err make_server(struct store *store, const struct holder *ca,
    char *const *names, size_t name_count, int64_t now_s, int64_t lifetime_s)
{
	struct holder server = {.from = now_s,
	    .until = authority_leaf_until(ca, now_s, lifetime_s)};
	enum err err = authority_rows_next_id(store, &server.id);

	if (err == ERR_NONE)
		err = certificate_key_new(&server.key);
	if (err == ERR_NONE)
		err = issue_server(&(struct issue_subject){server.key, names[0],
				       server.from, server.until},
		    &(struct issue_signer){ca->certificate, ca->key}, names,
		    name_count, &server.certificate);
	if (err == ERR_NONE)
		err = keep(store, AUTHORITY_SERVER, &server);
	authority_holder_clear(&server);
	return err;
}

static enum err make_audit_key(struct store *store, int64_t now_s)
{
	struct authority_row row = {.kind = AUTHORITY_AUDIT, .from = now_s};
	struct secret seed = {0};
	enum err err = authority_rows_next_id(store, &row.id);

	/* Any 32 random bytes are an Ed25519 key (RFC 8032, 5.1.5). */
	if (err == ERR_NONE)
		err = secret_random(&seed, AUDIT_KEY_BYTES);
	if (err == ERR_NONE) {
		memcpy(row.key, seed.bytes, seed.length);
		row.key_length = seed.length;
		err = authority_rows_add(store, &row);
	}
	secret_wipe(&seed);
	authority_rows_wipe(&row, 1);
	return err;
}

enum err authority_create(struct store *store,
    const struct authority_lifetimes *lifetimes, char *const *names,
    size_t name_count, int64_t now_s)
{
	struct holder ca = {0};
	enum err err = ERR_INVALID;

	if (name_count == 0)
		return ERR_INVALID;
	err = make_ca(store, now_s, lifetimes->ca_s, &ca);
	if (err == ERR_NONE)
		err = make_server(
		    store, &ca, names, name_count, now_s, lifetimes->server_s);
	if (err == ERR_NONE)
		err = make_audit_key(store, now_s);
	authority_holder_clear(&ca);
	return err;
}

/* --- renewing --- */

static bool bears_name(X509 *certificate, const char *name)
{
	return X509_check_ip_asc(certificate, name, 0) == 1 ||
	       X509_check_host(certificate, name, 0,
		   X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
}

static bool bears_names(
    X509 *certificate, char *const *names, size_t name_count)
{
	GENERAL_NAMES *list =
	    X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	bool all = sk_GENERAL_NAME_num(list) == (int)name_count;

	for (size_t i = 0; i < name_count && all; i++)
		all = bears_name(certificate, names[i]);
	GENERAL_NAMES_free(list);
	return all;
}

/* What a renewal is about; cas is the state that its steps lead to. */
struct renewal {
	struct store *store;
	const struct authority *authority;
	const struct authority_lifetimes *lifetimes;
	int64_t now_s;
	struct holder fresh; /* a successor made now */
	bool changed;
};

static const struct holder *newest_ca(const struct renewal *renewal)
{
	const struct authority *authority = renewal->authority;

	return renewal->fresh.certificate
		   ? &renewal->fresh
		   : &authority->cas[authority->ca_count - 1];
}

static enum err renew_ca(struct renewal *renewal)
{
	enum err err = ERR_NONE;

	if (renewal->now_s < publish_at(newest_ca(renewal)))
		return ERR_NONE;
	err = make_ca(renewal->store, renewal->now_s, renewal->lifetimes->ca_s,
	    &renewal->fresh);
	if (err == ERR_NONE)
		renewal->changed = true;
	return err;
}

/* The signing CA, or the one made just now if that has ended: then no
 * terminal has had a chance to follow, and joining again is all there is. */
static const struct holder *current_ca(const struct renewal *renewal)
{
	const struct authority *authority = renewal->authority;
	const struct holder *ca =
	    &authority->cas[authority_signing_ca(authority, renewal->now_s)];

	return renewal->now_s < ca->until ? ca : newest_ca(renewal);
}

static enum err renew_server(
    struct renewal *renewal, char *const *names, size_t name_count)
{
	const struct holder *server = &renewal->authority->server;
	enum err err = ERR_NONE;

	if (renewal->now_s < renew_at(server) &&
	    bears_names(server->certificate, names, name_count))
		return ERR_NONE;
	err = make_server(renewal->store, current_ca(renewal), names,
	    name_count, renewal->now_s, renewal->lifetimes->server_s);
	if (err == ERR_NONE)
		err = authority_rows_remove(renewal->store, server->id);
	if (err == ERR_NONE)
		renewal->changed = true;
	return err;
}

/* A CA that has ended is trusted by nobody; its key goes. The server's
 * certificate never outlives its CA, so it has been replaced by now. */
static enum err drop_ended_cas(struct renewal *renewal)
{
	const struct authority *authority = renewal->authority;
	enum err err = ERR_NONE;

	for (size_t i = 0; i < authority->ca_count && err == ERR_NONE; i++) {
		if (renewal->now_s < authority->cas[i].until)
			continue;
		err =
		    authority_rows_remove(renewal->store, authority->cas[i].id);
		renewal->changed = true;
	}
	return err;
}

static int64_t earlier(int64_t left, int64_t right)
{
	return left < right ? left : right;
}

/* When the next thing is due, if nothing changed now. */
static int64_t next_due(const struct authority *authority)
{
	int64_t due = renew_at(&authority->server);

	due =
	    earlier(due, publish_at(&authority->cas[authority->ca_count - 1]));
	for (size_t i = 0; i < authority->ca_count; i++)
		due = earlier(due, authority->cas[i].until);
	return due;
}

enum err authority_renew(struct store *store, struct authority *authority,
    const struct authority_lifetimes *lifetimes, char *const *names,
    size_t name_count, int64_t now_s, bool *out_changed, int64_t *out_next_s)
{
	struct renewal renewal = {.store = store,
	    .authority = authority,
	    .lifetimes = lifetimes,
	    .now_s = now_s};
	enum err err = ERR_INVALID;

	if (name_count == 0)
		return ERR_INVALID;
	err = renew_ca(&renewal);
	if (err == ERR_NONE)
		err = renew_server(&renewal, names, name_count);
	if (err == ERR_NONE)
		err = drop_ended_cas(&renewal);
	if (err == ERR_NONE) {
		*out_changed = renewal.changed;
		/* After a change the caller's authority is an old one. */
		*out_next_s = renewal.changed ? now_s : next_due(authority);
	}
	authority_holder_clear(&renewal.fresh);
	ERR_clear_error();
	return err;
}
