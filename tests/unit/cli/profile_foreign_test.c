// SPDX-License-Identifier: Apache-2.0
/* Connections of other clients as profiles; what is left out is said with its line. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/profile_foreign.h"

static char notes[4096];

static void note(void *arg, unsigned line, const char *text)
{
	snprintf(notes + strlen(notes), sizeof(notes) - strlen(notes), "%u: %s\n", line, text);
}

static int read_text(const char *text, struct foreign *f)
{
	enum foreign_format format = foreign_format_of(text);
	char *copy = strdup(text);
	int r;

	*notes = '\0';
	*f = (struct foreign){.profile = profile_new(), .note = note};
	r = foreign_read(format, copy, f);
	free(copy);
	return r;
}

static void expect(const char *text, const char *name, const char *want, const char *want_notes)
{
	struct foreign f;
	char *got = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&got, &n);

	if (read_text(text, &f) < 0)
		fail_msg("line %u: %s", f.fault.line, f.fault.text);
	profile_print(f.profile, false, out);
	fclose(out);
	assert_string_equal(got, want);
	assert_string_equal(f.profile->name, name);
	assert_string_equal(notes, want_notes);
	free(got);
	profile_free(f.profile);
}

static void expect_fault(const char *text, unsigned line, const char *words)
{
	struct foreign f;

	assert_int_equal(read_text(text, &f), -EINVAL);
	assert_int_equal(f.fault.line, line);
	if (!strstr(f.fault.text, words))
		fail_msg("expected \"%s\" in \"%s\"", words, f.fault.text);
	profile_free(f.profile);
}

static void a_phonebook_of_windows(void **state)
{
	expect("[Work]\r\nEncoding=1\r\nPBVersion=8\r\nType=2\r\nVpnStrategy=5\r\nDataEncryption=256\r\n"
	       "AuthRestrictions=512\r\nIpPrioritizeRemote=0\r\nIpDnsAddress=0.0.0.0\r\n"
	       "IpDns2Address=10.1.0.53\r\nIpDnsSuffix=corp.example\r\nShiny=1\r\n\r\n"
	       "NETCOMPONENTS=\r\nms_msclient=1\r\n\r\nMEDIA=rastapi\r\nPort=VPN2-0\r\n"
	       "Device=WAN Miniport (SSTP)\r\n\r\nDEVICE=vpn\r\nPhoneNumber=vpn.example:8443\r\n"
	       "AreaCode=\r\n[Other]\r\nPhoneNumber=other.example\r\n",
		"Work",
		"server = vpn.example:8443\nauth = mschapv2\nno-default-route = yes\n"
		"dns-domain = corp.example\n",
		"8: a split tunnel: Windows keeps its routes elsewhere; add them with --route\n"
		"10: IpDns2Address=10.1.0.53 was left out\n12: Shiny=1 was left out\n"
		"24: [Other] was left out: give it in a file of its own\n");
	expect("[My VPN]\nVpnStrategy=7\nAuthRestrictions=128\nCustomAuthKey=13\nIpPrioritizeRemote=1\n"
	       "PhoneNumber=https://a.example/\n",
		"", "server = a.example\nauth = eap-tls\n",
		"1: \"My VPN\" is no name of a profile: give one with --name\n"
		"2: VpnStrategy=7: Windows may use another protocol than SSTP\n");
}

static void a_profile_xml(void **state)
{
	expect("<?xml version=\"1.0\"?>\n<!-- Always On -->\n<VPNProfile>\n"
	       "  <AlwaysOn>true</AlwaysOn>\n  <DnsSuffix>corp.example</DnsSuffix>\n"
	       "  <TrustedNetworkDetection>corp.example</TrustedNetworkDetection>\n  <NativeProfile>\n"
	       "    <Servers>vpn1.example;One,vpn2.example</Servers>\n"
	       "    <NativeProtocolType>Sstp</NativeProtocolType>\n    <Authentication>\n"
	       "      <UserMethod>Eap</UserMethod>\n      <Eap><Configuration>\n"
	       "<EapHostConfig xmlns=\"http://www.microsoft.com/provisioning/EapHostConfig\"><EapMethod>"
	       "<Type xmlns=\"x\">13</Type><VendorId>0</VendorId></EapMethod><Config><b:Eap><b:Type>13"
	       "</b:Type><ServerNames>nps.example</ServerNames><TrustedRootCA>ab cd</TrustedRootCA>"
	       "</b:Eap></Config></EapHostConfig>\n      </Configuration></Eap>\n"
	       "    </Authentication>\n    <RoutingPolicyType>SplitTunnel</RoutingPolicyType>\n"
	       "  </NativeProfile>\n  <Route><Address>10.0.0.0</Address><PrefixSize>8</PrefixSize></Route>\n"
	       "  <Route>\n<Address>10.9.0.0</Address><PrefixSize>16</PrefixSize>\n"
	       "<ExclusionRoute>true</ExclusionRoute></Route>\n"
	       "  <DomainNameInformation><DomainName>.lab.example</DomainName>"
	       "<DnsServers>10.0.0.53</DnsServers></DomainNameInformation>\n</VPNProfile>\n",
		"",
		"server = vpn1.example\nserver = vpn2.example\nauth = eap-tls\neap-name = nps.example\n"
		"route = 10.0.0.0/8\nexclude = 10.9.0.0/16\nno-default-route = yes\n"
		"dns-domain = corp.example\ndns-domain = lab.example\n",
		"6: <TrustedNetworkDetection> corp.example was left out\n"
		"13: <TrustedRootCA> ab cd was left out\n"
		"22: <DnsServers> 10.0.0.53 was left out\n");
}

static void an_azure_package(void **state)
{
	expect("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<VpnProfile>\n"
	       "  <VpnServer>azuregateway-1.vpn.azure.example</VpnServer>\n"
	       "  <VpnType>SSTP</VpnType>\n  <CaCert>QUJD\nREVG</CaCert>\n"
	       "  <Routes>10.0.0.0/16, 172.16.1.0/24</Routes>\n  <Auth>EAPTLS</Auth>\n"
	       "  <Extra a=\"b\"/>\n</VpnProfile>\n",
		"",
		"server = azuregateway-1.vpn.azure.example\nauth = eap-tls\nroute = 10.0.0.0/16\n"
		"route = 172.16.1.0/24\n",
		"");
}

static void a_connection_of_networkmanager(void **state)
{
	struct foreign f;
	const char *text =
		"[connection]\nid=work\nuuid=1\ntype=vpn\n\n[vpn]\n"
		"service-type=org.freedesktop.NetworkManager.sstp\ngateway=vpn.example:8443\n"
		"user=CORP\\\\alice\nca-cert=/etc/ssl/x\\sy.pem\nrefuse-eap=yes\n"
		"ignore-cert-warn=yes\nlcp-echo-interval=30\n\n[vpn-secrets]\npassword=s\\\\x\n\n"
		"[ipv4]\nmethod=auto\nroute1=10.1.0.0/16,0.0.0.0,50\nroute1_options=x\n"
		"never-default=true\ndns-search=a.example;b.example;\n\n[ipv6]\nmethod=disabled\n";

	expect(text, "work",
		"server = vpn.example:8443\nuser = \"CORP\\\\alice\"\nauth = mschapv2\n"
		"ca = \"/etc/ssl/x y.pem\"\nroute = 10.1.0.0/16\nno-default-route = yes\n"
		"dns-domain = a.example\ndns-domain = b.example\nno-ipv6 = yes\n",
		"13: lcp-echo-interval was left out\n21: [ipv4] route1_options=x was left out\n"
		"0: ignore-cert-warn was left out: the certificate is checked\n");
	assert_int_equal(read_text(text, &f), 0);
	assert_string_equal(f.profile->secrets.value[0], "s\\x");
	profile_free(f.profile);
	expect_fault(
		"[vpn]\nservice-type=org.freedesktop.NetworkManager.openvpn\n", 2, "of type sstp");
	expect_fault(
		"[vpn]\nservice-type=org.freedesktop.NetworkManager.sstp\nuser=x\n", 0, "gateway");
}

static void a_command_line_of_sstpc(void **state)
{
	struct foreign f;
	const char *text =
		"# to the office\nsudo sstpc --log-stderr --tls-ext --ca-cert=/etc/x.pem \\\n"
		"  --proxy http://p:3128 --cert-warn --shiny vpn.example:8443 noauth "
		"nodefaultroute refuse-eap refuse-pap refuse-chap user 'al ice' "
		"password \"se cret\" mtu 1350 debug\n";

	expect(text, "",
		"server = vpn.example:8443\nuser = \"al ice\"\nauth = mschapv2\nca = /etc/x.pem\n"
		"no-default-route = yes\nmtu = 1350\nproxy = http://p:3128\n",
		"0: --cert-warn was left out: the certificate is checked\n0: --shiny was left out\n"
		"0: debug was left out\n");
	assert_int_equal(read_text(text, &f), 0);
	assert_string_equal(f.profile->secrets.value[0], "se cret");
	profile_free(f.profile);
	expect_fault("sstpc --user 'a", 0, "expected");
	expect_fault("sstpc x user", 0, "behind the last option");
}

static void hostile_xml_ends_with_its_line(void **state)
{
	char deep[2000] = "";

	expect_fault("<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>", 1, "no DTD");
	expect_fault("<x>\n&a;</x>", 2, "or a number");
	expect_fault("<x>\n\n", 3, "the end of each element");
	expect_fault("</x>", 1, "did not begin");
	expect_fault("<x", 1, "an element");
	expect_fault("<", 1, "an element");
	for (int i = 0; i < 40; i++)
		strcat(deep, "<x>");
	expect_fault(deep, 1, "fewer elements");
	expect_fault("<VpnProfile><CaCert>!</CaCert></VpnProfile>", 1, "a certificate");
	expect_fault("<VpnProfile><VpnServer></VpnServer></VpnProfile>", 1, "a server");
}

/* A value without a key is no section. */
static void a_line_without_a_key(void **state)
{
	expect("=x\n[Work]\n=y\nPhoneNumber=a\n", "Work", "server = a\n", "");
}

static void other_files_are_invites(void **state)
{
	assert_int_equal(foreign_format_of("server = x\n"), FOREIGN_NONE);
	assert_int_equal(foreign_format_of("# sstpc x\nserver = x\n"), FOREIGN_NONE);
	assert_int_equal(foreign_format_of(""), FOREIGN_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_phonebook_of_windows),
		cmocka_unit_test(a_profile_xml),
		cmocka_unit_test(an_azure_package),
		cmocka_unit_test(a_connection_of_networkmanager),
		cmocka_unit_test(a_command_line_of_sstpc),
		cmocka_unit_test(a_line_without_a_key),
		cmocka_unit_test(hostile_xml_ends_with_its_line),
		cmocka_unit_test(other_files_are_invites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
