"""What goes over the wires: codecs, register maps and links. Imports nothing of ours, decides nothing."""
