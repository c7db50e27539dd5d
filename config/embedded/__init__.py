"""PostgreSQL and Redis inside the product: nothing to install, nothing open to others of the machine.

Django is not imported here: tests and the supervisor need the services before settings exist.
"""

from config.embedded.postgres import PostgresCluster
from config.embedded.redis import RedisServer

__all__ = ["PostgresCluster", "RedisServer"]
