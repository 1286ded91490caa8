"""What a connection that cannot be made secure is said to lack."""

import httpx
import pytest

from maaskit.failures import failure
from maaskit.wire import Request


@pytest.mark.parametrize(
    ("said", "way_out"),
    [
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate", "SSL_CERT_FILE"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", "http://"),
        ("[SSL] record layer failure (_ssl.c:1032)", None),
        ("[SSL: RECORD_LAYER_FAILURE] record layer failure", "http://"),
        ("[Errno 111] Connection refused", None),
    ],
)
def test_the_way_out_of_what_tls_complains_of_is_told(said, way_out):
    failed = failure(httpx.ConnectError(said), Request("GET", "/models"), 5.0)
    assert said in str(failed.error)
    assert failed.accepted is False
    assert str(failed.error).endswith(").") == (way_out is None)
    assert way_out is None or way_out in str(failed.error)
