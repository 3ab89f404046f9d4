/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/card_terminal.h"

#include <openssl/err.h>
#include <string.h>

#include "shared/certificate.h"

/* The subject is what the server called us when it signed. */
static enum err read_name(X509 *certificate, char out[NAME_BYTES_MAX + 1])
{
	X509_NAME *subject = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *text = NULL;
	enum err err = ERR_INVALID;
	int length;

	if (at < 0 || X509_NAME_entry_count(subject) != 1)
		return ERR_INVALID;
	length = ASN1_STRING_to_UTF8(
	    &text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (length > 0 && text_is_name((const char *)text, (size_t)length)) {
		memcpy(out, text, (size_t)length);
		out[length] = '\0';
		err = ERR_NONE;
	}
	OPENSSL_free(text);
	return err;
}

/* By signature and not by name: a CA and its successor may share one. */
static enum err find_ca(X509 *certificate, const STACK_OF(X509) * cas,
    unsigned char out[CARD_HASH_BYTES])
{
	for (int i = 0; i < sk_X509_num(cas); i++) {
		X509 *ca = sk_X509_value(cas, i);
		EVP_PKEY *key = X509_get0_pubkey(ca);

		if (key && X509_verify(certificate, key) == 1)
			return certificate_spki_hash(ca, out);
	}
	return ERR_NOT_FOUND;
}

enum err card_terminal_read(
    const char *certificate_pem, const char *ca_pem, struct card_terminal *out)
{
	struct card_terminal terminal = {0};
	STACK_OF(X509) *cas = NULL;
	X509 *certificate = NULL;
	enum err err = certificate_from_pem(
	    certificate_pem, strlen(certificate_pem), &certificate);

	if (err == ERR_NONE)
		err = certificate_stack_from_pem(ca_pem, strlen(ca_pem), &cas);
	if (err == ERR_NONE)
		err = read_name(certificate, terminal.name);
	if (err == ERR_NONE)
		err = find_ca(certificate, cas, terminal.ca);
	if (err == ERR_NONE)
		*out = terminal;
	sk_X509_pop_free(cas, X509_free);
	X509_free(certificate);
	ERR_clear_error(); /* of CAs that did not sign */
	return err;
}
