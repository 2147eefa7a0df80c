"""`ariigcn benchmark`: our operators beside other libraries and the machine's own limits."""
