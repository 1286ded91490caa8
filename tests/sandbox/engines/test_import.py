from __future__ import annotations

import os
import subprocess
import sys


def test_nothing_heavy_is_loaded_before_it_is_used() -> None:
    code = (
        "import sys\n"
        "from maaskit.sandbox.application import handler_modules\n"
        "list(handler_modules())\n"
        "heavy = ('numpy', 'cv2', 'PIL', 'pandas', 'onnxruntime', 'pdfplumber', 'av', 'pocketsphinx')\n"
        "print([n for n in heavy if n in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.strip() == "[]"
