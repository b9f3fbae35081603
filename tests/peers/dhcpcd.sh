#!/bin/sh
# dhcpcd.sh DIR INTERFACE ADDRESS/LENGTH - Debian's dhcpcd 9.4 asks with DHCPINFORM on an interface that is up and has
# this address, as Windows does in a tunnel, until it is ended. DIR/learnt has what its hook was given; DIR/resolv.conf
# what it wrote. dhcpcd runs in a mount namespace with /run/dhcpcd, /var/lib/dhcpcd and /etc/resolv.conf of its own.
# Seen: it asks for 1 121 3 6 15 28 33 51 119, to 255.255.255.255; on the answer it takes the address away and sets it
# again without its peer; a route of option 121 needs a gateway within LENGTH (/32: "Network is unreachable").
# Needs: apt-get install -y --no-install-recommends dhcpcd-base   (its postinst makes the user dhcpcd)
set -eu
dir=$1 interface=$2 address=$3
mkdir -p "$dir/run" "$dir/lib"
chmod 755 "$dir" "$dir/run" "$dir/lib"
chown dhcpcd "$dir/lib"
echo "# before dhcpcd" >"$dir/resolv.conf"
cat >"$dir/conf" <<C
duid
persistent
option domain_name_servers, domain_name, domain_search, classless_static_routes
nohook hostname
ipv4only
noipv4ll
noarp
C
cat >"$dir/hook" <<H
#!/bin/sh
all=\$(echo "reason=\$reason interface=\$interface"; env | grep -E '^new_' | sort)
printf '%s\n\n' "\$all" >>$dir/learnt
exec /usr/lib/dhcpcd/dhcpcd-run-hooks "\$@"
H
chmod 755 "$dir/hook"
# shellcheck disable=SC2016
exec unshare -m --propagation private sh -c '
	d=$1; shift; mkdir -p /run/dhcpcd /var/lib/dhcpcd
	mount --bind "$d/run" /run/dhcpcd; mount --bind "$d/lib" /var/lib/dhcpcd
	mount --bind "$d/resolv.conf" "$(readlink -f /etc/resolv.conf)"; exec "$@"' sh "$dir" \
	dhcpcd -B -d -4 -f "$dir/conf" -c "$dir/hook" --inform="$address" "$interface"
