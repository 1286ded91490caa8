"""SophNet's recognition of recordings on a scripted server: it says of each recording where it came from."""

from __future__ import annotations

import json
import threading
from typing import Any

from tests.multipart import form
from tests.scripted import Reply, Seen, json_reply

TASKS = "/projects/P1/easyllms/speechtotext/transcriptions"
SYNC = "/projects/P1/easyllms/speechtotext/non-stream"


class Transcriber:
    """Answers as the document's examples do; each task is seen at work once before it is done.

    Args:
        fails: What a recording's name holds whose task fails.
        never: What a recording's name holds whose task never ends.
    """

    def __init__(self, *, fails: str = "\0", never: str = "\0") -> None:
        self.fails, self.never = fails, never
        self.tasks: dict[str, str] = {}
        self.told: list[Any] = []
        self._looks: dict[str, int] = {}
        self._lock = threading.Lock()

    def __call__(self, seen: Seen) -> Reply:
        with self._lock:
            if seen.method == "GET":
                return self._look(seen.path.removeprefix(f"{TASKS}/"))
            if seen.path == SYNC:
                self.told.append(seen.json)
                return json_reply({"result": f"heard {seen.json['audio_url']}", "audio_duration": 2.5})
            assert seen.path == TASKS
            return self._submit(seen)

    def _submit(self, seen: Seen) -> Reply:
        if seen.headers["content-type"].startswith("multipart/"):
            parts = form(seen)
            self.told.append(json.loads(parts["data"].get_payload(decode=True)))
            name = str(parts["audio_file"].get_filename())
        else:
            self.told.append(seen.json)
            name = seen.json["audio_url"]
        task_id = str(10_000 + len(self.tasks))
        self.tasks[task_id] = name
        return json_reply({"taskId": task_id, "created": 1724652804})

    def _look(self, task_id: str) -> Reply:
        name = self.tasks.get(task_id)
        if name is None:
            return json_reply({"message": "no such task"}, 404)
        self._looks[task_id] = self._looks.get(task_id, 0) + 1
        if self.never in name or self._looks[task_id] == 1:
            return json_reply({"taskId": task_id, "status": "doing"})
        if self.fails in name:
            return json_reply({"taskId": task_id, "status": "failed", "errorMsg": "E7"})
        lines = f"[0:0.500,0:1.000,0] heard\n[0:1.100,0:1.500,0] {name}\n[0:1.600,0:2.000,1] 好的。\n"
        return json_reply({"taskId": task_id, "status": "success", "result": lines, "audio_duration": 2.5})
