/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The authority in memory: loaded from its rows, never changed, asked for
 * signatures and for the texts that are handed out. When certificates are made
 * anew is authority_renew.c's business, how they are put together issue.c's.
 */
#include "server/keys/authority_private.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "server/keys/issue.h"
#include "server/keys/request.h"
#include "server/store/authority_rows.h"
#include "shared/secret.h"

enum {
	SIGN_AT = 8, /* an eighth of the old CA's life is left */
	AUDIT_SIGNATURE_BYTES = 64,
};

/* --- which CA, and when --- */

/* When next may sign after old. A successor that came late still gets the
 * time in which terminals hear of it, as far as old lasts. */
static int64_t sign_at(const struct holder *old, const struct holder *next)
{
	int64_t step = (old->until - old->from) / SIGN_AT;
	int64_t at = old->until - step;

	if (at < next->from + step)
		at = next->from + step;
	return at < old->until ? at : old->until;
}

size_t authority_signing_ca(const struct authority *authority, int64_t now_s)
{
	size_t signing = 0;

	for (size_t i = 1; i < authority->ca_count; i++)
		if (now_s >=
		    sign_at(&authority->cas[signing], &authority->cas[i]))
			signing = i;
	return signing;
}

/* No leaf outlives the CA that signed it. */
int64_t authority_leaf_until(
    const struct holder *ca, int64_t now_s, int64_t lifetime_s)
{
	return now_s + lifetime_s < ca->until ? now_s + lifetime_s : ca->until;
}

/* --- loading --- */

void authority_holder_clear(struct holder *holder)
{
	X509_free(holder->certificate);
	EVP_PKEY_free(holder->key);
	*holder = (struct holder){0};
}

static void free_secret_text(char *text)
{
	if (text)
		secret_wipe_bytes(text, strlen(text));
	free(text);
}

void authority_free(struct authority *authority)
{
	if (!authority)
		return;
	for (size_t i = 0; i < authority->ca_count; i++)
		authority_holder_clear(&authority->cas[i]);
	authority_holder_clear(&authority->server);
	EVP_PKEY_free(authority->audit_key);
	free(authority->chain_pem);
	free(authority->trusted_pem);
	free_secret_text(authority->server_key_pem);
	free(authority);
}

static enum err holder_load(const struct authority_row *row, struct holder *out)
{
	struct holder holder = {
	    .id = row->id, .from = row->from, .until = row->until};
	enum err err = certificate_from_pem(
	    row->certificate, strlen(row->certificate), &holder.certificate);

	if (err == ERR_NONE)
		err = certificate_key_from_pem(
		    (const char *)row->key, row->key_length, &holder.key);
	if (err == ERR_NONE &&
	    X509_check_private_key(holder.certificate, holder.key) != 1)
		err = ERR_CORRUPT;
	if (err != ERR_NONE) {
		authority_holder_clear(&holder);
		return err;
	}
	*out = holder;
	return ERR_NONE;
}

static enum err load_row(
    struct authority *authority, const struct authority_row *row)
{
	enum err err = ERR_CORRUPT;

	switch (row->kind) {
	case AUTHORITY_CA:
		err = holder_load(row, &authority->cas[authority->ca_count]);
		if (err == ERR_NONE)
			authority->ca_count++;
		return err;
	case AUTHORITY_SERVER:
		authority_holder_clear(&authority->server);
		return holder_load(row, &authority->server);
	case AUTHORITY_AUDIT:
		EVP_PKEY_free(authority->audit_key);
		authority->audit_key = EVP_PKEY_new_raw_private_key(
		    EVP_PKEY_ED25519, NULL, row->key, row->key_length);
		return authority->audit_key ? ERR_NONE : ERR_CORRUPT;
	}
	return ERR_CORRUPT;
}

/* Appends a certificate to a PEM text. */
static enum err append_pem(char **text, X509 *certificate)
{
	char *pem = NULL;
	char *joined = NULL;
	size_t before = *text ? strlen(*text) : 0;
	enum err err = certificate_to_pem(certificate, &pem);

	if (err != ERR_NONE)
		return err;
	joined = realloc(*text, before + strlen(pem) + 1);
	if (joined) {
		strcpy(joined + before, pem);
		*text = joined;
	}
	free(pem);
	return joined ? ERR_NONE : ERR_MEMORY;
}

static enum err find_server_ca(struct authority *authority)
{
	for (size_t i = 0; i < authority->ca_count; i++)
		if (X509_check_issued(authority->cas[i].certificate,
			authority->server.certificate) == X509_V_OK) {
			authority->server_ca = i;
			return ERR_NONE;
		}
	return ERR_CORRUPT;
}

/* The texts that are handed out. */
static enum err write_texts(struct authority *authority)
{
	size_t length = 0;
	enum err err = find_server_ca(authority);

	if (err == ERR_NONE)
		err = append_pem(
		    &authority->chain_pem, authority->server.certificate);
	if (err == ERR_NONE)
		err = append_pem(&authority->chain_pem,
		    authority->cas[authority->server_ca].certificate);
	if (err == ERR_NONE)
		err = certificate_key_to_pem(
		    authority->server.key, &authority->server_key_pem, &length);
	for (size_t i = 0; i < authority->ca_count && err == ERR_NONE; i++)
		err = append_pem(
		    &authority->trusted_pem, authority->cas[i].certificate);
	return err;
}

static enum err load(struct store *store, struct authority *out)
{
	struct authority_row *rows = NULL;
	size_t count = 0;
	enum err err = ERR_MEMORY;

	rows = calloc(AUTHORITY_ROWS_MAX, sizeof(*rows));
	if (!rows)
		return ERR_MEMORY;
	err = authority_rows_read(store, rows, &count);
	for (size_t i = 0; i < count && err == ERR_NONE; i++)
		err = load_row(out, &rows[i]);
	authority_rows_wipe(rows, AUTHORITY_ROWS_MAX);
	free(rows);
	return err;
}

enum err authority_load(struct store *store, struct authority **out)
{
	struct authority *authority = calloc(1, sizeof(*authority));
	enum err err = ERR_MEMORY;

	if (!authority)
		return ERR_MEMORY;
	err = load(store, authority);
	if (err == ERR_NONE &&
	    (authority->ca_count == 0 || !authority->server.certificate ||
		!authority->audit_key))
		err = ERR_CORRUPT;
	if (err == ERR_NONE)
		err = write_texts(authority);
	ERR_clear_error();
	if (err != ERR_NONE) {
		authority_free(authority);
		return err;
	}
	*out = authority;
	return ERR_NONE;
}

/* --- what others ask for --- */

const char *authority_server_chain(const struct authority *authority)
{
	return authority->chain_pem;
}

const char *authority_server_key(const struct authority *authority)
{
	return authority->server_key_pem;
}

const char *authority_trusted(const struct authority *authority)
{
	return authority->trusted_pem;
}

void authority_signing_spki(const struct authority *authority,
    unsigned char out[CERTIFICATE_HASH_BYTES])
{
	const struct holder *ca = &authority->cas[authority->server_ca];

	memset(out, 0, CERTIFICATE_HASH_BYTES);
	certificate_spki_hash(ca->certificate, out);
}

enum err authority_sign_terminal(const struct authority *authority,
    const char *request_pem, const char *terminal_name, int64_t now_s,
    int64_t lifetime_s, char **out_pem,
    unsigned char out_fingerprint[CERTIFICATE_HASH_BYTES], int64_t *out_until)
{
	const struct holder *ca =
	    &authority->cas[authority_signing_ca(authority, now_s)];
	struct issue_subject subject = {.name = terminal_name,
	    .from = now_s,
	    .until = authority_leaf_until(ca, now_s, lifetime_s)};
	X509 *certificate = NULL;
	enum err err = request_read(request_pem, &subject.key);

	if (err == ERR_NONE && subject.until <= now_s)
		err = ERR_NOT_ALLOWED; /* the CA has ended */
	if (err == ERR_NONE)
		err = issue_terminal(&subject,
		    &(struct issue_signer){ca->certificate, ca->key},
		    &certificate);
	if (err == ERR_NONE)
		err = certificate_fingerprint(certificate, out_fingerprint);
	if (err == ERR_NONE)
		err = certificate_to_pem(certificate, out_pem);
	if (err == ERR_NONE)
		*out_until = subject.until;
	X509_free(certificate);
	EVP_PKEY_free(subject.key);
	return err;
}

void authority_audit_key(
    const struct authority *authority, unsigned char out_public[32])
{
	size_t length = AUDIT_KEY_BYTES;

	memset(out_public, 0, AUDIT_KEY_BYTES);
	EVP_PKEY_get_raw_public_key(authority->audit_key, out_public, &length);
}

enum err authority_sign_head(const struct authority *authority,
    const void *bytes, size_t length, unsigned char out_signature[64])
{
	unsigned char signature[AUDIT_SIGNATURE_BYTES];
	size_t signature_length = sizeof(signature);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	enum err err = ERR_CRYPTO;

	if (!context)
		return ERR_MEMORY;
	if (EVP_DigestSignInit(
		context, NULL, NULL, NULL, authority->audit_key) == 1 &&
	    EVP_DigestSign(
		context, signature, &signature_length, bytes, length) == 1 &&
	    signature_length == sizeof(signature)) {
		memcpy(out_signature, signature, sizeof(signature));
		err = ERR_NONE;
	}
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return err;
}
