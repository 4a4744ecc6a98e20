"""`stash-certs issue`: a CA and a serving pair in a directory."""

import datetime
import ipaddress
import os
import ssl
import stat
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, ServerVerifier, Store, VerificationError
from typer.testing import CliRunner, Result

from certs.cli import app
from testbed.patience import PATIENCE
from testbed.server import unprivileged

NAMES = ["localhost", "stash-admission.stash.svc", "127.0.0.1", "::1"]
FILES = ["ca.crt", "tls.crt", "tls.key"]


def issue(directory: Path, *names: str) -> Result:
    arguments = [part for name in names for part in ("--dns", name)]
    variables = {"COLUMNS": "200", "TERMINAL_WIDTH": "200", "NO_COLOR": "1"}
    return CliRunner(env=variables).invoke(app, ["issue", "--dir", str(directory), *arguments])


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """What was issued for all the names."""
    result = issue(tmp_path, *NAMES)
    assert result.exit_code == 0, result.output
    return tmp_path


def certificate(directory: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((directory / name).read_bytes())


def verifier(directory: Path, subject: x509.GeneralName) -> ServerVerifier:
    """What a client does that trusts the CA."""
    builder = PolicyBuilder().store(Store([certificate(directory, "ca.crt")]))
    return builder.build_server_verifier(subject)  # type: ignore[arg-type]


def subject(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def handshake(server: Path, authority: Path, name: str) -> str | None:
    """The version of TLS that a client and a server agree on, in memory."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(server / "tls.crt", server / "tls.key")
    asking = ssl.create_default_context(cafile=authority / "ca.crt")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(back, there, server_hostname=name)
    host = serving.wrap_bio(there, back, server_side=True)
    for _ in range(4):
        for side in (client, host):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return client.version()


def test_it_writes_a_ca_and_a_pair_and_nothing_else(directory: Path) -> None:
    assert sorted(path.name for path in directory.iterdir()) == FILES


def test_it_makes_the_directory_that_is_not_there(tmp_path: Path) -> None:
    assert issue(tmp_path / "a" / "b", "localhost").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == FILES


def test_it_says_where_it_wrote_what_and_until_when_that_is_good(tmp_path: Path) -> None:
    output = issue(tmp_path, "localhost", "127.0.0.1").output
    until = certificate(tmp_path, "tls.crt").not_valid_after_utc.date().isoformat()
    assert all(part in output for part in (str(tmp_path), *FILES, "localhost", "127.0.0.1", until))


@pytest.mark.parametrize("mask", [0o022, 0o000])
def test_nobody_but_the_owner_may_read_the_key(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        assert issue(tmp_path, "localhost").exit_code == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "tls.key").stat().st_mode) == 0o600


def test_nobody_but_the_owner_may_read_a_key_that_replaces_one_that_all_could_read(directory: Path) -> None:
    (directory / "tls.key").chmod(0o644)
    assert issue(directory, "localhost").exit_code == 0
    assert stat.S_IMODE((directory / "tls.key").stat().st_mode) == 0o600


def test_the_key_of_the_ca_is_nowhere(directory: Path) -> None:
    for name in FILES:
        content = (directory / name).read_bytes()
        assert content.count(b"-----BEGIN ") == 1
        assert (b"PRIVATE KEY" in content) is (name == "tls.key")
    key = load_pem_private_key((directory / "tls.key").read_bytes(), None)
    assert key.public_key() == certificate(directory, "tls.crt").public_key()
    assert key.public_key() != certificate(directory, "ca.crt").public_key()


@pytest.mark.parametrize("name", NAMES)
def test_the_chain_verifies_for_each_of_the_names(directory: Path, name: str) -> None:
    chain = verifier(directory, subject(name)).verify(certificate(directory, "tls.crt"), [])
    assert chain == [certificate(directory, "tls.crt"), certificate(directory, "ca.crt")]


@pytest.mark.parametrize("name", ["example.com", "a.localhost", "127.0.0.2", "::2"])
def test_the_chain_does_not_verify_for_another_name(directory: Path, name: str) -> None:
    with pytest.raises(VerificationError):
        verifier(directory, subject(name)).verify(certificate(directory, "tls.crt"), [])


@pytest.mark.parametrize("name", NAMES)
def test_a_tls_client_that_trusts_the_ca_accepts_the_pair(directory: Path, name: str) -> None:
    assert handshake(directory, directory, name) == "TLSv1.3"


def test_a_tls_client_that_trusts_another_ca_does_not_accept_the_pair(directory: Path, tmp_path: Path) -> None:
    assert issue(tmp_path / "other", "localhost").exit_code == 0
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(directory, tmp_path / "other", "localhost")


@pytest.mark.parametrize("name", ["ca.crt", "tls.crt"])
def test_keys_are_ecdsa_on_the_curve_p_256(directory: Path, name: str) -> None:
    key = certificate(directory, name).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)


def test_serials_are_random(tmp_path: Path) -> None:
    for number in range(5):
        assert issue(tmp_path / str(number), "localhost").exit_code == 0
    serials = {certificate(tmp_path / str(n), name).serial_number for n in range(5) for name in ("ca.crt", "tls.crt")}
    assert len(serials) == 10
    assert max(serials).bit_length() > 128
    assert len({serial >> 64 for serial in serials}) == 10


def test_the_ca_is_one_and_signs_leaves_only(directory: Path) -> None:
    constraints = certificate(directory, "ca.crt").extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)


def test_the_ca_may_sign_certificates_and_the_leaf_may_not(directory: Path) -> None:
    usages = {
        name: certificate(directory, name).extensions.get_extension_for_class(x509.KeyUsage).value
        for name in ("ca.crt", "tls.crt")
    }
    assert usages["ca.crt"].key_cert_sign
    assert not usages["tls.crt"].key_cert_sign
    assert usages["tls.crt"].digital_signature


def test_the_leaf_is_no_ca_and_for_servers_only(directory: Path) -> None:
    extensions = certificate(directory, "tls.crt").extensions
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_the_leaf_has_names_and_addresses_as_what_they_are(directory: Path) -> None:
    names = certificate(directory, "tls.crt").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "stash-admission.stash.svc"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


@pytest.mark.parametrize("name", ["ca.crt", "tls.crt"])
def test_both_are_valid_now_and_a_little_before_for_clocks_differ(directory: Path, name: str) -> None:
    now = datetime.datetime.now(datetime.UTC)
    assert certificate(directory, name).not_valid_before_utc <= now - datetime.timedelta(minutes=1)
    assert certificate(directory, name).not_valid_after_utc > now + datetime.timedelta(days=30)


def test_the_ca_outlives_many_leaves(directory: Path) -> None:
    now = datetime.datetime.now(datetime.UTC)
    left = {name: certificate(directory, name).not_valid_after_utc - now for name in ("ca.crt", "tls.crt")}
    assert left["ca.crt"] > 3 * left["tls.crt"]


def test_the_leaf_names_the_key_of_its_ca(directory: Path) -> None:
    authority = certificate(directory, "ca.crt").extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    issuer = certificate(directory, "tls.crt").extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert issuer.key_identifier == authority.digest


def test_a_second_time_replaces_every_file(directory: Path) -> None:
    before = {name: (directory / name).read_bytes() for name in FILES}
    assert issue(directory, *NAMES).exit_code == 0
    assert sorted(path.name for path in directory.iterdir()) == FILES
    assert all((directory / name).read_bytes() != content for name, content in before.items())


def test_what_a_second_time_writes_belongs_together(directory: Path) -> None:
    assert issue(directory, *NAMES).exit_code == 0
    assert handshake(directory, directory, "localhost") == "TLSv1.3"


@pytest.mark.parametrize("name", FILES)
def test_who_has_opened_a_file_before_goes_on_reading_the_whole_of_it(directory: Path, name: str) -> None:
    before = (directory / name).read_bytes()
    with (directory / name).open("rb") as file:
        first = file.read(10)
        assert issue(directory, *NAMES).exit_code == 0
        assert first + file.read() == before


@pytest.mark.parametrize(
    "name",
    ["", " ", "exa mple", "ünicode.example", "https://localhost", "localhost:8443", "a..b", ".a", "-a", "a-", "a" * 64,
     "a." * 130 + "a", "127.0.0.1/8", "a\nb", "a\0b"],
)  # fmt: skip
def test_a_bad_name_is_an_error_that_names_the_flag_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    result = issue(tmp_path / "new", "localhost", name)
    assert result.exit_code == 2
    assert "--dns" in result.output
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["a", "a-b.example", "xn--nicode-2ya.example", "1.example", "*.example.com", "a" * 63])
def test_a_good_name_is_none(tmp_path: Path, name: str) -> None:
    assert issue(tmp_path, name).exit_code == 0


def test_no_name_is_an_error_that_names_the_flag(tmp_path: Path) -> None:
    result = issue(tmp_path / "new")
    assert result.exit_code == 2
    assert "--dns" in result.output
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("below", ["", "below"])
def test_a_directory_that_is_a_file_is_an_error_that_names_it(tmp_path: Path, below: str) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    result = issue(file / below, "localhost")
    assert result.exit_code == 2
    assert str(file) in result.output
    assert file.read_text() == "mine"


def test_a_directory_that_may_not_be_written_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    closed = Path("closed")
    closed.mkdir()
    assert issue(closed, "localhost").exit_code == 0
    closed.chmod(0o555)
    with unprivileged():
        result = issue(closed, "localhost")
    assert result.exit_code == 2
    assert "closed: Permission denied" in " ".join(result.output.split())


def test_a_key_is_never_written_into_what_was_there_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FILES:
        (tmp_path / name).symlink_to(tmp_path / f"of-somebody-else-{name}")
    (tmp_path / "of-somebody-else-tls.key").touch(0o666)
    modes: dict[str, int] = {}
    opened = os.open

    def watched(path: Path, flags: int, mode: int = 0o777) -> int:
        assert flags & os.O_EXCL
        assert flags & os.O_NOFOLLOW
        descriptor = opened(path, flags, mode)
        modes[Path(path).name.rpartition(".")[0]] = stat.S_IMODE(os.fstat(descriptor).st_mode)
        return descriptor

    monkeypatch.setattr("certs.files.os.open", watched)
    before = os.umask(0)
    try:
        assert issue(tmp_path, "localhost").exit_code == 0
    finally:
        os.umask(before)
    assert modes == {".ca.crt": 0o644, ".tls.key": 0o600, ".tls.crt": 0o644}
    assert (tmp_path / "of-somebody-else-tls.key").read_bytes() == b""
    assert not any((tmp_path / name).is_symlink() for name in FILES)


def test_what_a_folder_is_called_is_no_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, shown in (("::error::x", "\\x3a:error::x"), ("\x1b]0;x\x07\u202e\n", "\\x1b]0;x\\x07\\u202e\\n")):
        result = issue(Path(name), "localhost")
        assert result.exit_code == 0
        (line,) = result.output.splitlines()
        assert line.startswith(f"{shown}: ca.crt")


def test_a_file_that_cannot_be_replaced_is_an_error_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    (tmp_path / "tls.key" / "in-the-way").mkdir(parents=True)
    result = issue(tmp_path, "localhost")
    assert result.exit_code == 2
    assert str(tmp_path) in result.output
    assert not list(tmp_path.glob(".*"))


def test_an_error_has_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    program = str(Path(sys.executable).with_name("stash-certs"))
    for directory, name in ((tmp_path / "file", "localhost"), (tmp_path, "ünicode")):
        command = [program, "issue", "--dir", str(directory), "--dns", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert done.returncode == 2
        assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [["--version"], ["--version", "issue"]])
def test_the_version_is_said(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.output) == (0, f"stash-certs {version('stash-admission')}\n")


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["issue", "--help"]])
def test_help_is_shown(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert "Usage" in result.output
