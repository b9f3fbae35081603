// SPDX-License-Identifier: Apache-2.0
#include "aaa/method.h"

#include <string.h>

#include "base/auto.h"
#include "base/text.h"

static const char *const words[] = {
	"eap-tls", "eap-mschapv2", "eap-peap", "eap-md5", "eap", "mschapv2", "chap", "pap"};

static uint32_t bit_of(const char *word, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == n && !memcmp(words[i], word, n))
			return UINT32_C(1) << i;
	return 0;
}

uint32_t method_mask(const char *list)
{
	uint32_t mask = 0;

	while (*list) {
		size_t n = strcspn(list, ", ");
		uint32_t bit = n ? bit_of(list, n) : 0;

		if (n && !bit)
			return 0;
		mask |= bit;
		list += n;
		list += strspn(list, ", ");
	}
	return mask;
}

char *method_words(uint32_t mask, char ret[static METHOD_WORDS_LEN])
{
	size_t n = 0;

	*ret = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (mask >> i & 1)
			n += text_format(
				ret + n, METHOD_WORDS_LEN - n, "%s%s", n ? "," : "", words[i]);
	return ret;
}

/* Logs say "chap-md5"; what carries another method (eap-peap/mschapv2) is named first. */
bool method_allowed(uint32_t mask, const char *word)
{
	size_t n = strcspn(word, "/:+");

	if (!strncmp(word, "eap-", 4) && mask & bit_of("eap", 3))
		return true;
	if (!strcmp(word, "chap-md5"))
		return mask & bit_of("chap", 4);
	return mask & bit_of(word, n);
}
