// SPDX-License-Identifier: Apache-2.0
/* aaa/eap/methods.c — the methods there are. They are handed to eap.c: PEAP runs another one inside. */
#include "aaa/eap/method.h"

const struct eap_method *const eap_methods[] = {
	&eap_method_tls, &eap_method_mschapv2, &eap_method_peap, &eap_method_md5, NULL};
