"""How results look: YAML and JSON for machines, colours and progress for people at a terminal."""
