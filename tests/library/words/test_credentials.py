"""Files are signed here, with a certificate that is made for the test."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from composer.collection import Credential
from composer.library.words import credentials
from composer.library.words.credentials import read
from tests.library.conftest import paint

c2pa = pytest.importorskip("c2pa")
TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


@pytest.fixture(scope="module")
def signer() -> Iterator[Any]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    now = datetime.now(UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)]) for name in ("Test root", "Test studio")]

    def certificate(place: int) -> bytes:
        root = place == 0
        no: dict[str, bool] = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
             "decipher_only"), False,
        )  # fmt: skip
        made = (
            x509.CertificateBuilder(names[0], names[place], keys[place].public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(1))
            .not_valid_after(now + timedelta(30))
            .add_extension(x509.BasicConstraints(root, None), critical=True)
            .add_extension(
                x509.KeyUsage(digital_signature=not root, key_cert_sign=root, crl_sign=root, **no), critical=True
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(keys[place].public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
        )
        if not root:
            made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        return made.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    private = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    info = c2pa.C2paSignerInfo(b"es256", certificate(1) + certificate(0), private, None)
    with c2pa.Signer.from_info(info) as made:
        yield made


def signed(signer: object, kind: str = "JPEG", source: str = "digitalCapture", remote: str = "") -> bytes:
    plain, done = io.BytesIO(), io.BytesIO()
    paint(1).save(plain, kind)
    plain.seek(0)
    manifest = {
        "claim_generator_info": [{"name": "Test tool", "version": "1.0"}],
        "assertions": [
            {
                "label": "c2pa.actions",
                "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": TYPES + source}]},
            }
        ],
    }
    with c2pa.Builder(manifest) as builder:
        if remote:
            builder.set_no_embed()
            builder.set_remote_url(remote)
        builder.sign(signer, f"image/{kind.lower()}", plain, done)
    return done.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_signed_picture_tells_who_signed_and_how_it_was_made(signer: object, kind: str, tmp_path: Path) -> None:
    place = tmp_path / "name.that.lies"
    place.write_bytes(signed(signer, kind))
    assert read(place) == Credential(valid=True, signer="Test studio", tool="Test tool 1.0", actions=("created",))


@pytest.mark.parametrize("source", ["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"])
def test_what_a_machine_made_says_so(signer: object, source: str, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(signed(signer, source=source))
    found = read(tmp_path / "x.jpg")
    assert found is not None
    assert found.generated


def test_a_picture_that_was_changed_after_signing_is_not_valid(signer: object, tmp_path: Path) -> None:
    whole = bytearray(signed(signer))
    whole[-300] ^= 0xFF
    (tmp_path / "x.jpg").write_bytes(whole)
    found = read(tmp_path / "x.jpg")
    assert found is not None
    assert not found.valid
    assert "hash" in found.problem


def test_a_manifest_on_a_server_is_not_fetched(signer: object, tmp_path: Path) -> None:
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/manifest.c2pa"
        (tmp_path / "x.jpg").write_bytes(signed(signer, remote=url))
        assert url.encode() in (tmp_path / "x.jpg").read_bytes()
        assert read(tmp_path / "x.jpg") is None
        with pytest.raises(c2pa.C2paError):  # the reader itself would have asked
            c2pa.Reader("image/jpeg", io.BytesIO((tmp_path / "x.jpg").read_bytes()))
        server.shutdown()
    assert asked == ["/manifest.c2pa"]


def test_pictures_without_credentials_and_other_files_tell_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(1).save(tmp_path / "x.jpg")
    (tmp_path / "x.txt").write_text("c2pa")
    (tmp_path / "empty.jpg").touch()
    for name in ("x.jpg", "x.txt", "empty.jpg", "none.jpg", "."):
        assert read(tmp_path / name) is None
    monkeypatch.setitem(sys.modules, "c2pa", None)
    monkeypatch.setattr(credentials.util, "find_spec", lambda _: None)
    assert not credentials.available()
    assert read(tmp_path / "x.jpg") is None


@given(st.integers(0, 9_000), st.binary(min_size=1, max_size=40))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_damaged_credentials_never_raise(whole: bytes, tmp_path: Path, at: int, data: bytes) -> None:
    (tmp_path / "x.jpg").write_bytes(whole[:at] + data + whole[at + len(data) :])
    assert isinstance(read(tmp_path / "x.jpg"), Credential | None)


@pytest.fixture(scope="module")
def whole(signer: object) -> bytes:
    return signed(signer)
