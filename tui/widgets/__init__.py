"""One widget per file: values in, messages out."""
