/* SPDX-License-Identifier: Apache-2.0 */
/* Needs server/keys/{card_verify,card_read}.c. */
/*
 * Certificates and CRLs as the server reads them: of a CA, its CRL, a person's
 * certificate and a signature, each behind a two-byte length, the last without.
 * Whoever is found good is looked at again, one question after the other and
 * without the code under test; nothing stays in OpenSSL's queue.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/keys/card_verify.h"
#include "shared/key_shape.h"
#include "shared/text.h"

enum {
	FUZZ_NOW = 1796000000 /* the corpus is valid then */
};

static const struct card_message message = {.length = 4, .bytes = "fuzz"};

struct part {
	const unsigned char *bytes;
	size_t length;
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static struct part take(struct part *rest)
{
	struct part part = {rest->bytes, 0};

	if (rest->length < 2)
		return part;
	part.length = (size_t)rest->bytes[0] << 8 | rest->bytes[1];
	part.bytes = rest->bytes + 2;
	if (part.length > rest->length - 2)
		part.length = rest->length - 2;
	rest->length -= 2 + part.length;
	rest->bytes = part.bytes + part.length;
	return part;
}

/* --- once more, another way ------------------------------------------------
 */

static bool is_listed(X509_CRL *crl, const X509 *x509)
{
	STACK_OF(X509_REVOKED) *list = X509_CRL_get_REVOKED(crl);

	for (int i = 0; i < sk_X509_REVOKED_num(list); i++) {
		const X509_REVOKED *row = sk_X509_REVOKED_value(list, i);

		if (ASN1_INTEGER_cmp(X509_REVOKED_get0_serialNumber(row),
			X509_get0_serialNumber(x509)) == 0)
			return true;
	}
	return false;
}

static void check_signature(X509 *x509, struct part signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	require(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL,
		    X509_get0_pubkey(x509)) == 1);
	require(EVP_DigestVerify(context, signature.bytes, signature.length,
		    message.bytes, message.length) == 1);
	EVP_MD_CTX_free(context);
}

static void check_good(
    struct part ca_part, struct part crl_part, struct part person)
{
	time_t now = FUZZ_NOW;
	const unsigned char *at = ca_part.bytes;
	X509 *ca = d2i_X509(NULL, &at, (long)ca_part.length), *x509;
	X509_CRL *crl;

	at = person.bytes;
	x509 = d2i_X509(NULL, &at, (long)person.length);
	require(ca && x509 && at == person.bytes + person.length);
	require(X509_verify(x509, X509_get0_pubkey(ca)) == 1);
	require(X509_check_ca(x509) == 0 && X509_check_ca(ca) != 0);
	require(X509_cmp_time(X509_get0_notBefore(x509), &now) == -1);
	require(X509_cmp_time(X509_get0_notAfter(x509), &now) == 1);
	at = crl_part.bytes;
	crl = d2i_X509_CRL(NULL, &at, (long)crl_part.length);
	require(crl && X509_CRL_verify(crl, X509_get0_pubkey(ca)) == 1);
	require(X509_CRL_get0_nextUpdate(crl) != NULL);
	require(X509_cmp_time(X509_CRL_get0_nextUpdate(crl), &now) == 1);
	require(!is_listed(crl, x509));
	X509_CRL_free(crl);
	X509_free(x509);
	X509_free(ca);
	ERR_clear_error();
}

/* --- what an officer gives ----------------------------------------------- */

static void read_person(struct part person)
{
	struct card_certificate kept, again;
	char problem[CARD_PROBLEM_SIZE] = "";
	unsigned char *der = NULL;
	size_t length = 0;
	enum err err = card_certificate_read(
	    person.bytes, person.length, &kept, &der, &length, problem);

	require((err == ERR_INVALID) == (problem[0] != '\0'));
	if (err == ERR_NONE) {
		require(length <= CARD_CERTIFICATE_BYTES_MAX);
		require(text_is_line(kept.subject, strlen(kept.subject)));
		require(text_is_line(kept.issuer, strlen(kept.issuer)));
		require(
		    card_certificate_describe(der, length, &again) == ERR_NONE);
		require(memcmp(&kept, &again, sizeof(kept)) == 0);
	}
	free(der);
}

static void read_authority(struct part ca, struct part crl)
{
	char problem[CARD_PROBLEM_SIZE] = "";
	unsigned char *ca_der = NULL, *crl_der = NULL;
	size_t ca_length = 0, crl_length = 0;
	int64_t from = 0, until = 0;
	enum err err = card_authority_read(ca.bytes, ca.length,
	    crl.length ? crl.bytes : NULL, crl.length, FUZZ_NOW, &ca_der,
	    &ca_length, &crl_der, &crl_length, problem);

	require((err == ERR_INVALID) == (problem[0] != '\0'));
	require(err == ERR_NONE || (!ca_der && !crl_der));
	if (crl_der) {
		card_crl_dates(crl_der, crl_length, &from, &until);
		require(until > FUZZ_NOW);
	}
	free(ca_der);
	free(crl_der);
}

/* --- a login ---------------------------------------------------------------
 */

static void verify(
    struct part ca, struct part crl, struct part person, struct part signature)
{
	const struct card_authority row = {ca.bytes, ca.length, true,
	    crl.length ? crl.bytes : NULL, crl.length};
	struct card_authorities *trusted = NULL;
	struct card_evidence evidence;
	struct card_proof proof = {.certificate = person.bytes,
	    .certificate_length = person.length,
	    .signature = signature.bytes,
	    .signature_length = signature.length};

	if (card_authorities_new(&row, 1, &trusted) != ERR_NONE)
		trusted = NULL;
	for (int i = CARD_ALGORITHM_NONE; i <= CARD_ECDSA_SHA256; i++) {
		proof.algorithm = (enum card_algorithm)i;
		card_verify(trusted, &proof, &message, FUZZ_NOW, &evidence);
		require(evidence.standing <= CARD_GOOD);
		if (evidence.standing == CARD_FORGED)
			continue;
		require(i != CARD_ALGORITHM_NONE);
		require(card_certificate_stand(trusted, person.bytes,
			    person.length, FUZZ_NOW) == evidence.standing);
		if (evidence.standing == CARD_GOOD) {
			X509 *x509 = NULL;
			const unsigned char *at = person.bytes;

			check_good(ca, crl, person);
			x509 = d2i_X509(NULL, &at, (long)person.length);
			check_signature(x509, signature);
			X509_free(x509);
		}
	}
	card_authorities_free(trusted);
}

/* What passed before OpenSSL read it is what OpenSSL then reads. */
static void check_shape(struct part person)
{
	const unsigned char *at = person.bytes;
	char group[32] = "";
	const EVP_PKEY *key;
	X509 *x509;

	if (!key_shape_of_certificate(person.bytes, person.length))
		return;
	x509 = d2i_X509(NULL, &at, (long)person.length);
	key = x509 ? X509_get0_pubkey(x509) : NULL;
	if (key && !EVP_PKEY_is_a(key, "RSA")) {
		require(EVP_PKEY_get_group_name(
			    key, group, sizeof(group), NULL) == 1);
		require(strcmp(group, SN_X9_62_prime256v1) == 0 ||
			strcmp(group, SN_secp384r1) == 0);
	}
	X509_free(x509);
	ERR_clear_error();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct part rest = {bytes, length};
	struct part ca = take(&rest), crl = take(&rest), person = take(&rest);

	verify(ca, crl, person, rest);
	read_person(person);
	check_shape(person);
	read_authority(ca, crl);
	require(ERR_peek_error() == 0);
	return 0;
}
