"""Web, queue and sandbox under one Ctrl-C.

`manage.py run` checks and prepares with Django (preflight.py, prepare.py) and then becomes `python -m
generations.supervisor`: a small process without Django that starts the three, restarts what ends, and stops them in
order. No module here but prepare.py imports Django.
"""
