// SPDX-License-Identifier: Apache-2.0
/*
 * The values of a lane's headers, as a stranger sends them: what is taken is written again letter
 * for letter but for the case of its digits, and no text is taken for two things.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sstp/lane.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	uint8_t handle[SSTP_LANE_HANDLE_LEN], proof[SSTP_LANE_PROOF_LEN];
	char again[SSTP_LANE_REQUEST_LEN], *text = malloc(n + 1);
	int taken = 0;

	memcpy(text, octets, n);
	text[n] = '\0';
	taken += sstp_lane_offered(text);
	if (!sstp_lane_answer_parse(text, handle)) {
		sstp_lane_answer_format(handle, again);
		taken++;
	}
	if (!sstp_lane_request_parse(text, handle, proof)) {
		sstp_lane_request_format(handle, proof, again);
		taken++;
	}
	if (!sstp_lane_proof_parse(text, proof)) {
		sstp_lane_proof_format(proof, again);
		taken++;
	}
	if (taken > 1 || (taken && !sstp_lane_offered(text) && strcasecmp(again, text)))
		abort();
	free(text);
	return 0;
}
