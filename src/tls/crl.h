// SPDX-License-Identifier: Apache-2.0
/*
 * tls/crl.h — a file of certificate revocation lists: DER, or PEM with several. The signature is checked
 * where a list is used (tls/anchors.h), not here.
 */
#pragma once
#include <stdint.h>

#include "base/crypto.h"

#define TLS_CRL_FILE_MAX (16U << 20) /* octets: a million revoked certificates and some */
#define TLS_CRLS_MAX 64              /* in one file */

struct tls_crl_info {
	struct octets der;     /* lives during the call */
	int64_t next_update_s; /* since 1970; 0: it does not say until when it is good */
};

/* Returns how many there were; -EINVAL: none, or one that is broken; or what `each` returned below 0. */
int tls_crl_each(
	struct octets file, int (*each)(const struct tls_crl_info *crl, void *arg), void *arg);
