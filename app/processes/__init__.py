"""Several server processes behind one port: a supervisor, forked before anything is opened, forks and keeps them."""

from app.processes.parent import supervised as supervised
