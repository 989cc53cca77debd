"""The sandbox: slots of warm child processes that can be killed at any moment and are replaced at once."""

from gpserver.sandbox.desk import Desk
from gpserver.sandbox.order import Ending, Order, Outcome
from gpserver.sandbox.pool import Sandbox

__all__ = ["Desk", "Ending", "Order", "Outcome", "Sandbox"]
