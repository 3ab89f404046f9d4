/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS 1.3 as sekimorid speaks it, and what a client's certificate says. A
 * certificate that does not verify ends no handshake: the request is heard
 * and the router says 403, which tells an agent what is wrong where a broken
 * connection would not. So the verdict of the verification starts at no and is
 * kept with the connection.
 */
#include "server/http_private.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "shared/tls_guard.h"

enum {
	VERIFY_DEPTH = 1,
};

static const unsigned char alpn_http11[] = "\x08http/1.1";

static int verify_client(X509_STORE_CTX *verification, void *context)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    verification, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct http_connection *connection = SSL_get_app_data(ssl);
	bool holds = X509_verify_cert(verification) == 1 &&
		     X509_STORE_CTX_get_error(verification) == X509_V_OK;

	(void)context;
	if (connection)
		connection->certificate_verified = holds;
	return 1;
}

static int choose_protocol(SSL *ssl, const unsigned char **out,
    unsigned char *out_length, const unsigned char *offered,
    unsigned int offered_length, void *context)
{
	unsigned char *chosen = NULL;

	(void)ssl;
	(void)context;
	if (SSL_select_next_proto(&chosen, out_length, alpn_http11,
		sizeof(alpn_http11) - 1, offered,
		offered_length) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static bool set_behaviour(SSL_CTX *tls)
{
	static const unsigned char session_context[] = "sekimorid";

	SSL_CTX_set_options(tls,
	    SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				  SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	/* One read of the socket for header and record, not two. */
	SSL_CTX_set_read_ahead(tls, 1);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_verify_depth(tls, VERIFY_DEPTH);
	SSL_CTX_set_cert_verify_callback(tls, verify_client, NULL);
	SSL_CTX_set_alpn_select_cb(tls, choose_protocol, NULL);
	return tls_guard(tls) == ERR_NONE &&
	       SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(tls, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_num_tickets(tls, 0) == 1 &&
	       SSL_CTX_set_purpose(tls, X509_PURPOSE_SSL_CLIENT) == 1 &&
	       SSL_CTX_set_session_id_context(
		   tls, session_context, sizeof(session_context) - 1) == 1;
}

static enum err set_certificate(
    SSL_CTX *tls, const char *chain_pem, const char *key_pem)
{
	STACK_OF(X509) *chain = NULL;
	X509 *own = NULL;
	EVP_PKEY *key = NULL;
	enum err err =
	    certificate_stack_from_pem(chain_pem, strlen(chain_pem), &chain);

	if (err != ERR_NONE)
		goto out;
	err = certificate_key_from_pem(key_pem, strlen(key_pem), &key);
	if (err != ERR_NONE)
		goto out;
	own = sk_X509_shift(chain);
	err = ERR_INVALID;
	if (own && SSL_CTX_use_cert_and_key(tls, own, key, chain, 1) == 1)
		err = ERR_NONE;
out:
	X509_free(own);
	EVP_PKEY_free(key);
	sk_X509_pop_free(chain, X509_free);
	return err;
}

static enum err set_trust(SSL_CTX *tls, const char *ca_pem)
{
	X509_STORE *trusted = SSL_CTX_get_cert_store(tls);
	STACK_OF(X509) *authorities = NULL;
	enum err err =
	    certificate_stack_from_pem(ca_pem, strlen(ca_pem), &authorities);

	if (err != ERR_NONE)
		return err;
	for (int i = 0; i < sk_X509_num(authorities); i++) {
		X509 *authority = sk_X509_value(authorities, i);

		if (X509_STORE_add_cert(trusted, authority) != 1 ||
		    SSL_CTX_add_client_CA(tls, authority) != 1)
			err = ERR_CRYPTO;
	}
	sk_X509_pop_free(authorities, X509_free);
	return err;
}

enum err http_tls_context_new(const char *chain_pem, const char *key_pem,
    const char *ca_pem, SSL_CTX **out)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	enum err err = ERR_CRYPTO;

	if (!tls)
		return ERR_MEMORY;
	if (!set_behaviour(tls))
		goto out;
	err = set_certificate(tls, chain_pem, key_pem);
	if (err == ERR_NONE)
		err = set_trust(tls, ca_pem);
	if (err != ERR_NONE)
		goto out;
	*out = tls;
	tls = NULL;
out:
	SSL_CTX_free(tls);
	ERR_clear_error();
	return err;
}

SSL *http_tls_accept(SSL_CTX *context, int fd, bool sparing)
{
	SSL *ssl = SSL_new(context);

	if (!ssl || SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		ERR_clear_error();
		return NULL;
	}
	if (sparing)
		SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_set_accept_state(ssl);
	return ssl;
}

void http_tls_bind(SSL *ssl, struct http_connection *connection)
{
	SSL_set_app_data(ssl, connection);
}

/* Everything about a terminal, or nothing. */
static bool read_terminal(const SSL *ssl, struct http_peer *peer)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);

	if (sk_X509_num(chain) < 2)
		return false;
	return certificate_fingerprint(
		   sk_X509_value(chain, 0), peer->fingerprint) == ERR_NONE &&
	       certificate_spki_hash(
		   sk_X509_value(chain, 1), peer->issuer_spki) == ERR_NONE &&
	       certificate_validity(sk_X509_value(chain, 0),
		   &peer->certificate_from,
		   &peer->certificate_until) == ERR_NONE;
}

void http_tls_read_peer(struct http_connection *connection)
{
	const SSL *ssl = connection->stream.ssl;
	struct http_peer peer = connection->peer;

	peer.kind = HTTP_PEER_STRANGER;
	peer.presented_certificate = SSL_get0_peer_certificate(ssl) != NULL;
	if (peer.presented_certificate && connection->certificate_verified &&
	    read_terminal(ssl, &peer)) {
		peer.kind = HTTP_PEER_TERMINAL;
		connection->peer = peer;
		return;
	}
	connection->peer.kind = HTTP_PEER_STRANGER;
	connection->peer.presented_certificate = peer.presented_certificate;
}
