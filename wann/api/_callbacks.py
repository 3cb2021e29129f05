"""What the verbs call where the caller gives no function."""

__all__ = ["never", "quiet"]


def quiet(*_: object) -> None:
    """Show nothing."""


def never() -> bool:
    """Never stop."""
    return False
