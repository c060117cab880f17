"""What is raised where a rule cannot fit its column."""


class Misfit(Exception):
    """A rule cannot fit its column.

    Attributes:
        path: of what inside the column it is about, where the message begins with it.
    """

    def __init__(self, what: str, path: str | None = None) -> None:
        self.path = path
        super().__init__(what)
