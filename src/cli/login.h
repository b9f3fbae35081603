// SPDX-License-Identifier: Apache-2.0
/*
 * cli/login.h — how a command logs in: the methods of --auth, the user's secrets, and the EAP peer that is
 * made of them. For `connect` and `diagnose`.
 *
 * Ownership: texts are borrowed from the command line; login_done() frees and wipes the rest.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/credentials.h"
#include "cli/password.h"

struct eap_peer;
struct tls_ctx;
struct tls_identity;

struct login {
	enum auth_method methods[AUTH_METHODS]; /* most wanted first */
	size_t n_methods;
	uint8_t eap[4]; /* enum eap_type, likewise */
	size_t n_eap;
	const char *password_file;
	const char *cert, *key, *p12, *p12_password_file; /* --cert … */
	const char *eap_ca, *eap_name, *peap_binding;
	/* What login_make() made: */
	char password[PASSWORD_MAX + 1]; /* "": no method needs one */
	struct eap_peer *peer;           /* NULL: no EAP */
	struct tls_identity *identity;
	struct tls_ctx *tls;
};

#define LOGIN_METHODS "mschapv2, chap, pap, eap-tls, peap, eap-mschapv2 or eap-md5"

enum {
	LOGIN_CERT = 512,
	LOGIN_KEY,
	LOGIN_P12,
	LOGIN_P12_PASSWORD,
	LOGIN_EAP_CA,
	LOGIN_EAP_NAME,
	LOGIN_PEAP_BINDING
};

// clang-format off
#define LOGIN_OPTIONS                                                                              \
	{"cert", required_argument, NULL, LOGIN_CERT}, {"key", required_argument, NULL, LOGIN_KEY}, \
	{"p12", required_argument, NULL, LOGIN_P12},                                               \
	{"p12-password-file", required_argument, NULL, LOGIN_P12_PASSWORD},                        \
	{"eap-ca", required_argument, NULL, LOGIN_EAP_CA},                                         \
	{"eap-name", required_argument, NULL, LOGIN_EAP_NAME},                                     \
	{"peap-binding", required_argument, NULL, LOGIN_PEAP_BINDING}
#define LOGIN_USAGE                                                                                \
	"      --p12 FILE             your certificate and key (PKCS#12), for eap-tls (then the default) and peap\n"   \
	"      --cert FILE            your certificate with its chain (PEM); --key FILE has its key\n"                  \
	"      --key FILE             PEM, perhaps encrypted: the passphrase is asked for\n"                            \
	"      --p12-password-file F  first line is the passphrase of the PKCS#12 or key file\n"                       \
	"      --eap-ca FILE          who issued the certificate that the server shows inside EAP (as outside)\n"      \
	"      --eap-name NAME        the name that it must have (HOST)\n"                                            \
	"      --peap-binding WORD    required (default), or optional for a server that sends no crypto binding\n"
// clang-format on

/* What is trusted outside holds inside EAP, too, unless --eap-ca says otherwise. */
struct login_trust {
	const char *host, *ca_file;
	const char *const *pins;
	size_t n_pins;
	bool insecure;
};

/* "eap-mschapv2,mschapv2": blanks or commas between them, preferred first. -EINVAL. */
int login_allow(const char *list, struct login *ret);
/* One of LOGIN_OPTIONS; false: it is another. */
bool login_option(struct login *l, int c, const char *value);
/*
 * Reads the files and asks for what is missing. `user`, of USER_NAME_MAX + 1 octets: "" becomes the name in
 * the certificate. 0, or an exit code: it has been said why.
 */
int login_make(struct login *l, const struct login_trust *trust, char *user);
void login_done(struct login *l);
