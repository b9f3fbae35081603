// SPDX-License-Identifier: Apache-2.0
/* Files of others: revocation lists, certificates, PKCS#12. The first octet chooses which. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "tls/ca.h"
#include "tls/crl.h"
#include "tls/identity.h"

static int each(const struct tls_crl_info *crl, void *arg)
{
	if (!crl->der.n)
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct octets file = {data + 1, size ? size - 1 : 0};
	AUTO(tls_identity) struct tls_identity *identity = NULL;
	AUTO_CA_BLOB der = {0};
	struct ca_cert_info info;

	if (!size)
		return 0;
	switch (data[0] % 3) {
	case 0: tls_crl_each(file, each, NULL); break;
	case 1:
		if (!ca_read_cert(file, &der, NULL))
			ca_cert_info((struct octets){der.p, der.n}, &info);
		break;
	case 2: tls_identity_p12(file, "pw1", &identity, NULL); break;
	}
	return 0;
}
