"""Every gene of a data set under one checkpoint, by any number of processes, into one folder."""
