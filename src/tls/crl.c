// SPDX-License-Identifier: Apache-2.0
#include "tls/crl.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <time.h>

#include "tls/private.h"

static int64_t next_update(const X509_CRL *crl)
{
	const ASN1_TIME *at = X509_CRL_get0_nextUpdate(crl);
	struct tm tm;

	return at && ASN1_TIME_to_tm(at, &tm) ? (int64_t)timegm(&tm) : 0;
}

static int hand_over(
	X509_CRL *crl, int (*each)(const struct tls_crl_info *crl, void *arg), void *arg)
{
	unsigned char *der = NULL;
	int n = i2d_X509_CRL(crl, &der), r = -EINVAL;

	if (n > 0)
		r = each(&(struct tls_crl_info){{der, (size_t)n}, next_update(crl)}, arg);
	OPENSSL_free(der);
	return r;
}

/* The whole file is one list. */
static X509_CRL *read_der(struct octets file)
{
	const unsigned char *p = file.p;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)file.n);

	if (crl && p == (const unsigned char *)file.p + file.n)
		return crl;
	X509_CRL_free(crl);
	return NULL;
}

int tls_crl_each(
	struct octets file, int (*each)(const struct tls_crl_info *crl, void *arg), void *arg)
{
	X509_CRL *crl;
	BIO *bio;
	int n = 0, r = 0;

	if (!file.n || file.n > TLS_CRL_FILE_MAX)
		return -EINVAL;
	crl = read_der(file);
	bio = crl ? NULL : BIO_new_mem_buf(file.p, (int)file.n);
	if (!crl && bio)
		crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, (void *)"");
	for (; crl && r >= 0 && n < TLS_CRLS_MAX; n++) {
		r = hand_over(crl, each, arg);
		X509_CRL_free(crl);
		crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, (void *)"") : NULL;
	}
	X509_CRL_free(crl);
	if (!r && bio && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		r = -EINVAL; /* a list that is cut must not pass for the end of the file */
	BIO_free(bio);
	ERR_clear_error();
	return r < 0 ? r : n ? n : -EINVAL;
}
