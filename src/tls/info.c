// SPDX-License-Identifier: Apache-2.0
/* tls/info.c — what a connection has agreed on, and the certificate it was made with. */
#include "tls/private.h"

#include <arpa/inet.h>
#include <errno.h>

/* The ALPN name is not terminated; the only one we ever agree on is this. */
static const char *alpn_name(const SSL *ssl)
{
	const unsigned char *p;
	unsigned n;

	SSL_get0_alpn_selected(ssl, &p, &n);
	return n ? "http/1.1" : "";
}

void tls_info(const struct tls *t, struct tls_info *ret)
{
	int group;
	const char *sni, *name;

	if (t->record) {
		*ret = t->info;
		return;
	}
	/* before there is a session OpenSSL 3.0 reads the group through a null pointer */
	group = SSL_get0_session(t->ssl) ? (int)SSL_get_negotiated_group(t->ssl) : 0;
	sni = SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name);
	name = group ? SSL_group_to_name(t->ssl, group) : NULL;

	*ret = (struct tls_info){
		.version = SSL_get_version(t->ssl),
		.cipher = SSL_get_cipher_name(t->ssl),
		.group = name ? name : "",
		.sni = sni ? sni : "",
		.alpn = alpn_name(t->ssl),
		.resumed = SSL_session_reused(t->ssl) != 0,
	};
}

/* Server: OpenSSL points this at the certificate chosen for the handshake (RSA or EC). */
X509 *tls_leaf(const struct tls *t)
{
	if (!t->ssl)
		return t->leaf;
	if (t->ctx->server)
		return t->state == TLS_HANDSHAKE ? NULL : SSL_get_certificate(t->ssl);
	return SSL_get0_peer_certificate(t->ssl);
}

int tls_leaf_hash(const struct tls *t, enum hash h, uint8_t *ret)
{
	X509 *x = tls_leaf(t);
	unsigned n;

	if (h != HASH_SHA1 && h != HASH_SHA256)
		return -EINVAL;
	if (!x)
		return -EAGAIN;
	return X509_digest(x, h == HASH_SHA1 ? EVP_sha1() : EVP_sha256(), ret, &n) ? 0 : -EIO;
}

int tls_leaf_info(const struct tls *t, struct cert_info *ret)
{
	X509 *x = tls_leaf(t);

	if (!x)
		return -EAGAIN;
	cert_info_fill(x, ret);
	return 0;
}

bool tls_is_address(const char *host)
{
	uint8_t octets[16];

	return inet_pton(AF_INET, host, octets) == 1 || inet_pton(AF_INET6, host, octets) == 1;
}
