"""Runs a Space where `emotion_qwen` does not exist, however it is installed: `python stranger.py`, in its folder."""

import runpy
import sys
from importlib.abc import MetaPathFinder


class NoPackage(MetaPathFinder):
    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] == "emotion_qwen":
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


if __name__ == "__main__":
    sys.meta_path.insert(0, NoPackage())
    sys.path[0] = "."
    runpy.run_path("app.py", run_name="__main__")
