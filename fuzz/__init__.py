"""Random and damaged input for every reader, operator and command: ``make fuzz``."""
