"""The proxy that the environment names for a URL: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, and NO_PROXY against them."""

from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit
from urllib.request import getproxies


def proxy_of(url: str) -> str | None:
    """The URL of the proxy; None if there is none to ask."""
    proxies = getproxies()
    proxy = proxies.get(urlsplit(url).scheme) or proxies.get("all")
    return None if not proxy or bypasses(url, proxies.get("no", "")) else proxy


def bypasses(url: str, exceptions: str) -> bool:
    """Whether a URL is among the exceptions: names with all below them, addresses, networks, or `*`."""
    parts = urlsplit(url.lower())
    host = parts.hostname or ""
    return any(_covers(each.strip(), host, parts.netloc) for each in exceptions.lower().split(",") if each.strip())


def _covers(exception: str, host: str, host_and_port: str) -> bool:
    if exception == "*":
        return True
    name = exception.removeprefix("*").removeprefix(".")
    if any(each == name or each.endswith(f".{name}") for each in (host, host_and_port)):
        return True
    try:
        return ip_address(host) in ip_network(exception, strict=False)
    except ValueError:
        return False
