# pysqlite3 is the standard library's module over an engine of its own, and carries no types: the types are the same.
from sqlite3 import *
