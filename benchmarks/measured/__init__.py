"""The benchmarks themselves, one in each file, and their list."""

from benchmarks.bench import Bench
from benchmarks.measured.change_rules import CHANGE_RULES
from benchmarks.measured.create_users import CREATE_USERS
from benchmarks.measured.find_user import FIND_USER
from benchmarks.measured.log_lines import LOG_LINES
from benchmarks.measured.one_core import ONE_CORE
from benchmarks.measured.one_mapping import ONE_MAPPING
from benchmarks.measured.patch_member import PATCH_MEMBER
from benchmarks.measured.peer import PEER
from benchmarks.measured.pool import POOL
from benchmarks.measured.put_group import PUT_GROUP
from benchmarks.measured.read_group import READ_GROUP
from benchmarks.measured.turns import TURNS
from benchmarks.measured.two_servers import TWO_SERVERS
from benchmarks.measured.validate import VALIDATE
from benchmarks.measured.walk_users import WALK_USERS

BENCHES: tuple[Bench, ...] = (
    CREATE_USERS,
    PATCH_MEMBER,
    CHANGE_RULES,
    READ_GROUP,
    FIND_USER,
    WALK_USERS,
    PUT_GROUP,
    TWO_SERVERS,
    ONE_CORE,
    PEER,
    POOL,
    TURNS,
    LOG_LINES,
    VALIDATE,
    ONE_MAPPING,
)
