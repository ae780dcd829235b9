"""The values that people pick or type: stages, dispositions and reasons, as the sample org calls them."""

INQUIRY, MAQL, LAL, MQL, SAL, SQL = "Inquiry", "MAQL", "LAL", "MQL", "SAL", "SQL"
REMARKET, DISQUALIFIED = "Re-Market", "Disqualified"
DISPOSITIONS = ("Left Vmail", "Attempting Contact")
COLD = (None, INQUIRY, "Open - Not Contacted")
"""What nobody has looked at yet."""
HANDED_OVER = (MQL, "Marketing Qualified")
IN_DEVELOPMENT = frozenset({MAQL, LAL, "Working - Contacted", *DISPOSITIONS})
IN_SALES = frozenset({*HANDED_OVER, SAL, SQL, *DISPOSITIONS})

NOT_NOW = ("Timing", "Timing", "No budget", "Chose another vendor")
NOT_EVER = ("Not a fit", "Not a fit", "Not a fit", "Competitor", "Do not contact", "Duplicate")
BAD_DATA, NO_RESPONSE, NOT_MINE, LOST_DEAL = "Wrong or missing data", "No response", "Not mine", "Lost deal"

CONVERTED, CONVERTED_SQL = "Closed - Converted", "Converted - SQL"
