"""The application: every page in its frame. Run with ``streamlit run app.py -- --dataset MANIFEST``."""

from __future__ import annotations

from seq2exp.ui import frame

frame.draw().run()
