"""What every SQL source has to do, run against each vendor's."""

from tests.connectors.sql.browsing import Browsing
from tests.connectors.sql.failing import Failing
from tests.connectors.sql.ground import Opening as Opening
from tests.connectors.sql.ground import Running as Running
from tests.connectors.sql.reading import Reading
from tests.connectors.sql.values import Values
from tests.connectors.sql.words import Words as Words
from tests.connectors.sql.writing import Writing


class SqlContract(Browsing, Values, Reading, Writing, Failing):
    """Subclassed for each vendor, with its words and the fixtures that `Ground` names."""
