"""Reading the environment: three small helpers, and the keys that are made on the first start."""

import base64
import contextlib
import os
import secrets
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool = False) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}. Use on or off.")


def number(name: str, default: float, unit: str = "a number of seconds") -> float:
    value = text(name)
    try:
        return float(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}. Use {unit}.") from None


def machine_zone() -> str:
    """The time zone that /etc/localtime points to, else UTC."""
    name = os.path.realpath("/etc/localtime").partition("/zoneinfo/")[2]
    try:
        return ZoneInfo(name).key if name else "UTC"
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"


def names(name: str) -> list[str]:
    return [part.strip() for part in text(name).split(",") if part.strip()]


def s3_storage(bucket: str) -> tuple[dict[str, Any], list[str]]:
    """(the entry for STORAGES, the origins that a page may load from). The keys come from AWS's own variables."""
    try:
        from boto3.s3.transfer import TransferConfig
        from botocore.config import Config
    except ImportError:
        raise ImproperlyConfigured(
            "STUDIO_S3_BUCKET needs django-storages. See docs/deploy.md, Media in a bucket."
        ) from None
    endpoint, region = text("STUDIO_S3_ENDPOINT").rstrip("/"), text("STUDIO_S3_REGION", "us-east-1")
    style = "path" if endpoint else "virtual"
    options = {
        "bucket_name": bucket, "endpoint_url": endpoint or None, "region_name": region,
        "querystring_auth": True, "file_overwrite": True, "default_acl": None,
        "transfer_config": TransferConfig(use_threads=False),
        "client_config": Config(
            signature_version="s3v4", s3={"addressing_style": style}, connect_timeout=5, read_timeout=60,
            retries={"total_max_attempts": 3},
        ),
    }  # fmt: skip
    hosts = [f"https://{bucket}.s3.{region}.amazonaws.com", f"https://{bucket}.s3.amazonaws.com"]
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}, [endpoint] if endpoint else hosts


def folder(path: Path) -> Path:
    with contextlib.suppress(OSError):  # the check before the start says in words what is wrong with the data folder
        path.mkdir(parents=True, exist_ok=True)
    return path


def _kept(path: Path, make: str) -> str:
    """The secret in `path`, made once with mode 0600. Two processes may start at the same moment: the first wins."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(make)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # fails when another process was first; never overwrites
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def kept_secret_key(data: Path) -> str:
    return text("SECRET_KEY") or _kept(data / "keys" / "secret_key", secrets.token_urlsafe(48))


def kept_field_keys(data: Path) -> list[str]:
    return names("STUDIO_FIELD_KEYS") or [_kept(data / "keys" / "field_key", _fernet_key())]


def _fernet_key() -> str:
    """32 random bytes as Fernet wants them written; the library itself takes 6 MB, and few processes need it at a start."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
