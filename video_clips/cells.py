"""Texts in tables that people open with a spreadsheet."""

_STARTS_A_FORMULA = ('=', '+', '-', '@', '\t', '\r')


def as_text(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula: a quotation mark before its first letter.

    File and class names are anybody's, and spreadsheets run what begins with ``=``, ``+``, ``-``,
    ``@``, a tab or a return. Numbers and harmless texts stay as they are.
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_STARTS_A_FORMULA) else cell
