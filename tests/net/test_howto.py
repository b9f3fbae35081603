"""
What `culvert user add` and `user show --how` tell a new user to type is typed here, as it stands.

        cli  the line for Culvert, the line for sstpc ==tunnel== srv  culvert serve --name vpn.example
"""

import json
import shlex

from harness.program import PASSWORD, USER, Program, run


def how(binary, server, *extra):
    out = run(binary, "user", "show", USER, "--how", "--json", "--state", server.state, *extra)[1]
    return json.loads(out)


def test_the_line_for_culvert_connects(net, server, binary, keep, tmp_path):
    told = how(binary, server, "--route", "10.77.0.0/16")
    assert told["server"] == "vpn.example" and told["port"] == 443 and told["self_signed"]
    words = shlex.split(told["how"]["culvert"].splitlines()[-1])
    assert words[:2] == ["culvert", "connect"]
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    client = Program(net.cli, binary, *words[1:], "--password-file", password, "--tun", "cv-cli")
    keep.append(client)
    client.wait_line("^culvert: connected")
    assert "10.77.0.0/16" in net.cli.run("ip route show table all dev cv-cli")


def test_all_kinds_as_text_and_as_files(server, binary, tmp_path):
    text = run(binary, "user", "show", USER, "--how", "--state", server.state)[1]
    assert "Import-Certificate" in text and "Cert:\\LocalMachine\\Root" in text
    assert "-TunnelType Sstp -AuthenticationMethod MSChapv2" in text
    assert "-SplitTunneling" not in text and "-ServerAddress 'vpn.example'" in text
    assert PASSWORD not in text
    run(binary, "user", "show", USER, "--out", tmp_path / "out", "--state", server.state,
        "--route", "10.0.0.0/8", "--server", "vpn2.example:8443")
    made = {p.suffix: p.read_text() for p in (tmp_path / "out").iterdir()}
    assert {".ps1", ".pbk", ".nmconnection", ".rsc", ".crt", ".txt", ".sh", ".culvert"} == set(made)
    assert "-SplitTunneling" in made[".ps1"] and "vpn2.example:8443" in made[".ps1"]
    assert "-DestinationPrefix '10.0.0.0/8'" in made[".ps1"]
    assert "PhoneNumber=vpn2.example:8443" in made[".pbk"] and "VpnStrategy=5" in made[".pbk"]
    assert "gateway=vpn2.example:8443" in made[".nmconnection"]
    assert "connect-to=vpn2.example port=8443" in made[".rsc"]
    assert made[".crt"].count("BEGIN CERTIFICATE") == 2


def test_add_prints_it_when_asked_and_quotes_names(server, binary):
    _, out, err = run(binary, "user", "add", "kim", "--password-stdin", "--state", server.state,
                      stdin=PASSWORD + "\n")
    assert out == "user kim was added\n" and err.count("\n") == 1 and "show kim --how" in err
    out = run(binary, "user", "add", "o'hara", "--how", "--password-stdin", "--state",
              server.state, stdin=PASSWORD + "\n")[1]
    assert "user o'hara was added" in out and "Add-VpnConnection" in out
    assert "'o''hara' *" in out and "--user 'o'\\''hara'" in out


def test_a_wrong_server_or_route_is_wrong_use(server, binary):
    for extra in (["--server", "a b"], ["--server", "x:0"], ["--route", "ten"]):
        code, _, err = run(binary, "user", "show", USER, "--how", "--state", server.state, *extra,
                           check=False)
        assert code == 2 and "expected" in err, extra
    assert run(binary, "user", "show", "nobody", "--how", "--state", server.state,
               check=False)[0] == 1
