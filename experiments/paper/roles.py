"""Counts roles, lines and characters of Shakespeare's plays as LEAF's reader does, to explain the paper's 1,146 clients.

    python3 experiments/paper/roles.py DIR/shakespeare/pg100.txt

Of Project Gutenberg's edition of September 2011. Rules as that reader has them, where they differ from choir's
(docs/dataset.md): a name is letters and blanks, two cells in and with a point behind it; everything four cells in is
its line; names differ by the case of their letters; a role needs three lines. Prints what becomes of each rule.
"""
import re
import sys

SIGNED = "by William Shakespeare"  # stands above each play, and above the sonnets
PLAYS_END = 124195                 # lines of the edition: poems follow
UNEVEN = "THE COMEDY OF ERRORS"    # its names and lines begin in the first cell


def plays_of(lines):
    """Yields the lines of each play, and whether they are the uneven one's."""
    starts = [i for i, line in enumerate(lines[:PLAYS_END + 1]) if SIGNED in line][1:]
    for start, end in zip(starts, starts[1:] + [PLAYS_END + 1]):
        above = [line.strip() for line in lines[start - 7:start - 1] if line.strip()]
        yield lines[start + 1:end], above[-1] == UNEVEN


def roles_of(lines, uneven, folds, name):
    """The lines of each role of a play."""
    spoken = re.compile(("" if uneven else "  ") + rf"({name})\. (.*)")
    goes_on = re.compile("(.*)" if uneven else "    (.*)")
    roles, role = {}, None
    for line in lines:
        if found := spoken.match(line):
            role = found[1].upper() if folds else found[1]
            if uneven and role.upper().startswith("ACT "):
                role = None
            else:
                roles.setdefault(role, []).append(found[2])
        elif role and (found := goes_on.match(line)):
            if uneven and found[1].startswith("<"):
                role = None
            else:
                roles[role].append(found[1])
    return roles


def count(lines, least=3, folds=False, name="[a-zA-Z][a-zA-Z ]*"):
    """Roles, training lines, training and test characters, each line's end among them."""
    plays = [roles_of(play, uneven, folds, name) for play, uneven in plays_of(lines)]
    kept = [said for roles in plays if len(roles) > 1 for said in roles.values() if len(said) >= least]
    sums = [0, 0, 0]
    for said in kept:
        test = max(len(said) // 5, 1)
        sums[0] += len(said) - test
        sums[1] += sum(len(line) + 1 for line in said[:-test])
        sums[2] += sum(len(line) + 1 for line in said[-test:])
    return len(kept), *sums


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read().split("\n")
    print("the paper               1146 roles, about 85000 lines, 3564579 and 870014 characters")
    for label, rules in (("that reader", {}), ("two lines are enough", {"least": 2}), ("any letter case", {"folds": True}),
                         ("further marks in names", {"name": "[a-zA-Z][a-zA-Z ',0-9-]*"})):
        print("{:<24}{} roles, {} lines, {} and {} characters".format(label, *count(text, **rules)))
