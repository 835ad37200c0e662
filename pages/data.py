"""Data: published files with their state and licence, the data sets here, and a cell type of one's own."""

from __future__ import annotations

from seq2exp.ui import data_add, data_choices, data_files, data_set, frame

VIEWS = {"files": "Published files", "set": "Data sets here", "add": "Add your cells"}

frame.ensure()
data_choices.begin()
view = data_choices.switch("View", "view", VIEWS)
if view == "files":
    data_files.show()
elif view == "set":
    data_set.show()
else:
    data_add.show()
data_choices.write_link()
