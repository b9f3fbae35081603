// SPDX-License-Identifier: Apache-2.0
/* Apart from socket.c: <linux/tcp.h> has the whole struct tcp_info, and no peace with <netinet/tcp.h>. */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "os/socket.h"

int tcp_path(int fd, struct tcp_path *ret)
{
	struct tcp_info info = {0};
	socklen_t n = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) < 0)
		return -errno;
	ret->delivered = (uint64_t)info.tcpi_delivered * info.tcpi_snd_mss;
	/* tcp_packets_in_flight(): what was lost is not under way until it is sent again. */
	ret->under_way = (uint64_t)(info.tcpi_unacked + info.tcpi_retrans - info.tcpi_sacked -
				    info.tcpi_lost) *
				 info.tcpi_snd_mss +
			 info.tcpi_notsent_bytes;
	ret->window = (uint64_t)info.tcpi_snd_cwnd * info.tcpi_snd_mss;
	ret->rate = info.tcpi_delivery_rate;
	ret->pace = info.tcpi_pacing_rate;
	ret->rtt_us = info.tcpi_rtt;
	ret->min_rtt_us = info.tcpi_min_rtt;
	ret->mss = info.tcpi_snd_mss;
	ret->packets_delivered = info.tcpi_delivered;
	ret->packets_resent = info.tcpi_total_retrans;
	ret->stalled = info.tcpi_retransmits > 0;
	return 0;
}
