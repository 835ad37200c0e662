"""predict --remote: the report of a data set whose tracks lie on a server."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from seq2exp.cli import main
from seq2exp.synthetic import synthesize
from tests.servers import Fault, RangeServer


def _predict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], manifest: Path, *words: str
) -> tuple[int, str, str]:
    asked = ["seq2exp", "predict", "--dataset", str(manifest), "--gene", "SQX2", "--device", "cpu", *words]
    monkeypatch.setattr(sys, "argv", asked)
    with pytest.raises(SystemExit) as ended:
        main()
    return (int(ended.value.code or 0), *capsys.readouterr())


def test_predict_streams_tells_what_it_moved_and_goes_on_without_a_failing_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEQ2EXP_CACHE", str(tmp_path / "cache"))
    whole = synthesize(preset="tiny", out=tmp_path / "whole")
    shutil.copytree(whole.parent, tmp_path / "here")
    manifest = tmp_path / "here" / "manifest.yaml"
    with RangeServer(whole.parent) as server:
        content = yaml.safe_load(manifest.read_text())
        for source in content["sources"]:
            if source["role"] in ("dnase", "h3k27ac", "reference"):
                (tmp_path / "here" / source["local_path"]).unlink()
                source["url"] = {"primary": f"{server.url}/{source['local_path']}"}
        manifest.write_text(yaml.safe_dump(content))

        code, _, error = _predict(monkeypatch, capsys, manifest)
        assert code == 2
        assert "5 of which predict and app can stream (--remote)" in error
        reports: list[dict[str, Any]] = []
        for remote, path in ((["--remote"], manifest), ([], whole), (["--remote"], manifest)):
            code, out, error = _predict(monkeypatch, capsys, path, "--json", *remote)
            assert code == 0, error
            reports.append(json.loads(out))
        streamed, on_disk, again = reports
        moved = sum(request.sent for request in server.requests)
        assert 0 < streamed["streamed"]["moved_bytes"] <= moved  # the lengths of chromosomes came before the window
        assert streamed["streamed"]["unavailable"] == []
        assert again["streamed"] == {"moved_bytes": 0, "requests": 0, "unavailable": []}
        assert on_disk["streamed"] is None
        for key in ("mask", "peaks", "missing_inputs", "window"):
            assert streamed[key] == on_disk[key] == again[key]

        for source in content["sources"]:
            if source["role"] == "h3k27ac":
                server.faults[source["local_path"]] = Fault(status=404)
        monkeypatch.setenv("SEQ2EXP_CACHE", str(tmp_path / "another"))
        code, out, error = _predict(monkeypatch, capsys, manifest, "--remote")
        assert code == 0, error
        assert "missing: h3k27ac, 100.0 %; zero (not available: http://127.0.0.1" in out
        assert "WHAT-IF: h3k27ac missing" in out
        assert "streamed: 0." in out
