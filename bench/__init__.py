"""One script a claim: it prints a table and writes JSON to bench/results/. Figures stand beside a peer or a limit of the
same run, because machines differ and are shared. Nothing here fails a build.
"""
