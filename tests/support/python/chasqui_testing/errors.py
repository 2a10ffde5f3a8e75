# SPDX-License-Identifier: Apache-2.0
"""google.rpc details of a failed call."""

from google.rpc import error_details_pb2
from google.rpc import status_pb2

_KINDS = {
    f"type.googleapis.com/google.rpc.{name}": getattr(error_details_pb2, name)
    for name in ("BadRequest", "ErrorInfo", "QuotaFailure", "ResourceInfo", "RetryInfo")
}


def trailer(error, key):
    """A trailing metadata value, or None."""
    return dict(error.trailing_metadata() or ()).get(key)


def details(error):
    """{"ErrorInfo": message, ...} of a grpc.RpcError; checks that code and message agree."""
    packed = trailer(error, "grpc-status-details-bin")
    if packed is None:
        return {}
    status = status_pb2.Status.FromString(packed)
    assert status.code == error.code().value[0]
    assert status.message == error.details()
    return {any.type_url.rsplit(".", 1)[-1]: _KINDS[any.type_url].FromString(any.value)
            for any in status.details}


def reason(error):
    """ErrorInfo's reason, or None."""
    info = details(error).get("ErrorInfo")
    return info.reason if info else None


def retry_seconds(error):
    """RetryInfo's delay, or None."""
    info = details(error).get("RetryInfo")
    return info.retry_delay.ToTimedelta().total_seconds() if info else None
