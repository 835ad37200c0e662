"""Raw files of a cell type -> the files of a data set: contacts, features, labels, elements, statistics."""
