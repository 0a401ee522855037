# SPDX-License-Identifier: MIT
"""Tables as CSV, to be compared, and as Markdown, to be read."""

import csv

# Columns whose numbers are names.
TEXT = frozenset(["kernel", "loop", "gpu", "list", "problem"])


def text_of(value):
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return str(value)


def value_of(text):
    if text == "":
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def write(path, columns, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([text_of(row[column]) for column in columns] for row in rows)


def read(path):
    """[{column: value}]"""
    with open(path, encoding="utf-8", newline="") as file:
        return [
            {column: text if column in TEXT else value_of(text) for column, text in row.items()}
            for row in csv.DictReader(file)
        ]


def markdown(titles, rows):
    lines = ["| " + " | ".join(titles) + " |", "| --- " * len(titles) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]
