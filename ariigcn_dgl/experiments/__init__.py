"""Studies: many runs under one protocol, their statistics, tables and figures."""
