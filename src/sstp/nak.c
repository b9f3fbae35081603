// SPDX-License-Identifier: Apache-2.0
/*
 * Theory: a CALL_CONNECT_REQUEST has one attribute, Encapsulated Protocol ID, and its value is PPP.
 * Everything else about its attributes is a fault, and each fault becomes one Status Info of the
 * CALL_CONNECT_NAK: which attribute, what is wrong, and the value the peer sent where that value
 * is the fault. Messages whose attributes cannot be parsed never come here: call.c answers
 * them with CALL_ABORT.
 *
 * Implements [MS-SSTP] 3.3.5.2.2, the checks, and 2.2.12.
 */
#include "sstp/nak.h"

/* What is wrong with attribute i of a CONNECT_REQUEST: a row of 3.3.5.2.2, NO_ERROR for nothing. */
static enum sstp_status request_fault(const struct sstp_message *msg, size_t i)
{
	const struct sstp_attr *attr = &msg->attrs[i];

	if (attr->fault == SSTP_ATTR_UNKNOWN)
		return ATTRIB_STATUS_UNRECOGNIZED_ATTRIBUTE;
	for (size_t before = 0; before < i; before++)
		if (msg->attrs[before].id == attr->id)
			return ATTRIB_STATUS_DUPLICATE_ATTRIBUTE;
	if (attr->fault != SSTP_ATTR_OK)
		return ATTRIB_STATUS_INVALID_ATTRIB_VALUE_LENGTH;
	switch (attr->id) {
	case SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID:
		return attr->protocol_id == SSTP_ENCAPSULATED_PROTOCOL_PPP
			       ? ATTRIB_STATUS_NO_ERROR
			       : ATTRIB_STATUS_VALUE_NOT_SUPPORTED;
	case SSTP_ATTRIB_STATUS_INFO:
		return attr->status_info.status == ATTRIB_STATUS_NO_ERROR
			       ? ATTRIB_STATUS_NO_ERROR
			       : ATTRIB_STATUS_STATUS_INFO_NOT_SUPPORTED_IN_MSG;
	default: /* crypto binding: known, but not as part of a REQUEST */
		return ATTRIB_STATUS_UNRECOGNIZED_ATTRIBUTE;
	}
}

/* The value is repeated only where the peer's value is what is wrong (2.2.8). */
static bool nak_repeats_value(enum sstp_status status)
{
	return status == ATTRIB_STATUS_DUPLICATE_ATTRIBUTE ||
	       status == ATTRIB_STATUS_INVALID_ATTRIB_VALUE_LENGTH ||
	       status == ATTRIB_STATUS_VALUE_NOT_SUPPORTED;
}

size_t sstp_nak_faults(
	const struct sstp_message *msg, struct sstp_attr ret[static SSTP_NAK_FAULTS_MAX])
{
	bool has_protocol_id = false;
	size_t n = 0;

	for (size_t i = 0; i < msg->n_attrs; i++) {
		const struct sstp_attr *attr = &msg->attrs[i];
		enum sstp_status status = request_fault(msg, i);

		has_protocol_id |= attr->id == SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID;
		if (status == ATTRIB_STATUS_NO_ERROR)
			continue;
		ret[n++] = (struct sstp_attr){
			.id = SSTP_ATTRIB_STATUS_INFO,
			.status_info = {attr->id, status,
				nak_repeats_value(status) ? attr->value : (struct rd){0}},
		};
	}
	if (!has_protocol_id) /* 3.3.5.2.2 names 02, 2.2.8 the attribute that is missing: more useful */
		ret[n++] = (struct sstp_attr){
			.id = SSTP_ATTRIB_STATUS_INFO,
			.status_info = {.attrib_id = SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID,
				.status = ATTRIB_STATUS_REQUIRED_ATTRIBUTE_MISSING},
		};
	return n;
}
