"""The limits of one request to add runs, each printed into the sentences that name it."""

# The largest id of a run that the database takes.
MAX_RUN_ID = 2**63 - 1
MAX_IDS = 20_000
MAX_BYTES = 2**20  # of a text, or of a table in a file
MAX_FILE_BYTES = 5 * 2**20  # of a file: a workbook holds more than its table
MAX_TAGS = 20
MAX_TABLES = 1000  # in one text; each is looked at as a whole
# Ids may be repeated, as in a table with a row for each language: so many numbers and rows are read for each id.
MAX_MENTIONS_PER_ID = 3
