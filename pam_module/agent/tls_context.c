/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/tls_context.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <string.h>

#include "shared/certificate.h"
#include "shared/tls_guard.h"

static SSL_CTX *new_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (!context)
		return NULL;
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	if (tls_guard(context) == ERR_NONE &&
	    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
	    SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1)
		return context;
	SSL_CTX_free(context);
	return NULL;
}

static enum err trust_bundle(SSL_CTX *context, const char *ca_pem)
{
	X509_STORE *store = SSL_CTX_get_cert_store(context);
	STACK_OF(X509) *bundle = NULL;
	enum err err =
	    certificate_stack_from_pem(ca_pem, strlen(ca_pem), &bundle);

	if (err == ERR_NONE && sk_X509_num(bundle) == 0)
		err = ERR_INVALID;
	for (int i = 0; err == ERR_NONE && i < sk_X509_num(bundle); i++)
		if (X509_STORE_add_cert(store, sk_X509_value(bundle, i)) != 1)
			err = ERR_CRYPTO;
	sk_X509_pop_free(bundle, X509_free);
	return err;
}

static enum err show_identity(
    SSL_CTX *context, const char *certificate_pem, const char *key_pem)
{
	X509 *certificate = NULL;
	EVP_PKEY *key = NULL;
	enum err err;

	err = certificate_from_pem(
	    certificate_pem, strlen(certificate_pem), &certificate);
	if (err == ERR_NONE)
		err = certificate_key_from_pem(key_pem, strlen(key_pem), &key);
	if (err == ERR_NONE && X509_check_private_key(certificate, key) != 1)
		err = ERR_INVALID;
	if (err == ERR_NONE &&
	    (SSL_CTX_use_certificate(context, certificate) != 1 ||
		SSL_CTX_use_PrivateKey(context, key) != 1))
		err = ERR_CRYPTO;
	X509_free(certificate);
	EVP_PKEY_free(key);
	return err;
}

enum err tls_context_new(const struct tls_identity *identity, SSL_CTX **out)
{
	SSL_CTX *context = new_context();
	enum err err = context ? ERR_NONE : ERR_MEMORY;

	if (err == ERR_NONE)
		err = trust_bundle(context, identity->ca_pem);
	if (err == ERR_NONE)
		err = show_identity(
		    context, identity->certificate_pem, identity->key_pem);
	ERR_clear_error();
	if (err != ERR_NONE) {
		SSL_CTX_free(context);
		return err;
	}
	*out = context;
	return ERR_NONE;
}

static X509 *find_pinned(X509_STORE_CTX *chain, const struct tls_pin *pin)
{
	STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(chain);
	unsigned char hash[CERTIFICATE_HASH_BYTES];

	for (int i = 0; i < sk_X509_num(sent); i++) {
		X509 *certificate = sk_X509_value(sent, i);

		if (certificate_spki_hash(certificate, hash) == ERR_NONE &&
		    CRYPTO_memcmp(hash, pin->bytes, TLS_PIN_BYTES) == 0)
			return certificate;
	}
	return NULL;
}

/*
 * The store of this context is empty, so that nothing but the certificate put
 * here is an anchor. Its own signature is checked too: the hash in the code
 * vouches for the CA's key, not for what else the certificate says.
 */
static int verify_pinned(X509_STORE_CTX *chain, void *argument)
{
	X509 *anchor = find_pinned(chain, argument);
	STACK_OF(X509) *anchors = NULL;
	int verified = 0;

	X509_STORE_CTX_set_error(
	    chain, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
	if (!anchor)
		return 0;
	anchors = sk_X509_new_null();
	if (anchors && sk_X509_push(anchors, anchor) > 0) {
		X509_STORE_CTX_set0_trusted_stack(chain, anchors);
		X509_STORE_CTX_set_flags(chain, X509_V_FLAG_CHECK_SS_SIGNATURE);
		X509_STORE_CTX_set_error(chain, X509_V_OK);
		verified = X509_verify_cert(chain) == 1;
		X509_STORE_CTX_set0_trusted_stack(chain, NULL);
	}
	sk_X509_free(anchors);
	return verified;
}

enum err tls_context_new_pinned(const struct tls_pin *pin, SSL_CTX **out)
{
	SSL_CTX *context = new_context();

	if (!context)
		return ERR_MEMORY;
	/* The callback only reads it. */
	SSL_CTX_set_cert_verify_callback(
	    context, verify_pinned, (void *)(uintptr_t)pin);
	*out = context;
	return ERR_NONE;
}
