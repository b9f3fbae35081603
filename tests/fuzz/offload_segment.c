// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzzes offload/segment.c: octets as they are read from a TUN, virtio_net_hdr first, cut into
 * buffers of changing size. Nothing may be written behind the room, the announced lengths must be
 * those that come, and every frame must be one SSTP data packet with a whole IP packet in it.
 */
#include <assert.h>
#include <stdlib.h>

#include "offload/segment.h"
#include "unit/offload/packets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_frames(const uint8_t *frame, size_t n, unsigned version)
{
	while (n) {
		size_t len = get16(frame + 2);

		assert(get16(frame) == 0x1000 && len <= n && len > SEGMENT_PREFIX_LEN);
		assert(get32(frame + 4) == (version == 4 ? 0xff030021 : 0xff030057));
		assert(frame[8] >> 4 == version);
		frame += len;
		n -= len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vnet_hdr vnet;
	struct segment s;
	size_t room = 1500, all;
	uint8_t *packet;

	if (size < VNET_HDR_LEN)
		return 0;
	memcpy(&vnet, data, VNET_HDR_LEN);
	size -= VNET_HDR_LEN;
	packet = malloc(size); /* exactly: a read behind it is seen */
	if (!packet)
		return 0;
	memcpy(packet, data + VNET_HDR_LEN, size);
	if (!segment_init(&s, &vnet, packet, size)) {
		all = segment_all_frames(&s);
		while (!segment_done(&s)) {
			size_t next = segment_next_frame(&s), got;
			uint8_t *out = malloc(room);

			assert(out && next <= SEGMENT_FRAME_MAX);
			got = segment_frames(&s, out, room);
			assert(got <= room && (got >= next || room < next));
			check_frames(out, got, packet[0] >> 4);
			all -= got;
			assert(all == segment_all_frames(&s));
			room = room * 3 / 2 % 20000 + 100;
			free(out);
		}
		assert(!all);
	}
	free(packet);
	return 0;
}
