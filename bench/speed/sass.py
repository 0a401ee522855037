# SPDX-License-Identifier: MIT
"""Machine code as `nvdisasm -c -gi` prints it: functions, their blocks, and the loops that use tensor cores.

A loop's path is the pass that does most of its work: of all ways from its first instruction back to it, those with the
most HMMA, of these those with the most LDSM, then those that write the most bytes of shared memory, then those that
read and write the most of global memory, then the shortest. Copies of a residual (sources RARE) are left out. Inner loops with HMMA are loops of
their own and no part of the path; others are passed once.
"""

import collections
import dataclasses
import re

# Their copies into shared memory happen once or twice a tile, in a loop that runs for each slice.
RARE = frozenset(["output_tile.cuh"])

SECTION = re.compile(r"^\s*\.section\s+\.text\.([^\s,]+)")
LABEL = re.compile(r"^(\.L_x_\w+|\.text\.\S+|\$\S+):")
INSTRUCTION = re.compile(r"^\s*/\*([0-9a-f]{4,})\*/\s+(?:@(!?\w+)\s+)?([A-Z][\w.]*)\s*([^;]*?)\s*;")
SOURCE = re.compile(r'^\s*//## File "(?:[^"]*/)?([^"/]+)", line \d+( inlined)?')
TARGET = re.compile(r"`\((\.L_x_\w+)\)")
SHARED_BYTES = {"U8": 1, "S8": 1, "U16": 2, "S16": 2, "64": 8, "128": 16}
FMA_OF_MMA = {"16816": 16 * 8 * 16, "1688": 16 * 8 * 8, "16832": 16 * 8 * 32}
LANES = 32
NOTHING = (0, 0, 0, 0, 0)  # weight of a path: HMMA, LDSM, bytes written to shared memory, global bytes, - instructions


class NotUnderstood(Exception):
    """Of one function; says what, where."""


@dataclasses.dataclass
class Instruction:
    address: int
    guard: str  # predicate, "" without
    opcode: str
    operands: str
    files: tuple  # innermost first

    @property
    def kind(self):
        return self.opcode.split(".")[0]

    @property
    def never(self):
        return self.guard == "!PT"

    def conditional(self):
        """Whether it may be passed over."""
        return self.guard not in ("", "PT")

    def is_mma(self):
        return self.kind in ("HMMA", "IMMA", "HGMMA")

    def fma(self):
        """Of a warp's tensor-core product."""
        shape = self.opcode.split(".")[1] if self.is_mma() else ""
        if self.is_mma() and shape not in FMA_OF_MMA:
            raise NotUnderstood(f"a product of unknown shape, {self.opcode} at {self.address:#x}")
        return FMA_OF_MMA.get(shape, 0)

    def lane_bytes(self):
        """Of a load, store or copy, for each lane."""
        return next((SHARED_BYTES[word] for word in self.opcode.split(".")[1:] if word in SHARED_BYTES), 4)

    def shared_bytes_written(self):
        return self.lane_bytes() * LANES if self.kind in ("LDGSTS", "STS") and not self.never else 0

    def global_bytes(self):
        return self.lane_bytes() * LANES if self.kind in ("LDG", "STG") and not self.never else 0

    def wavefronts(self):
        """Passes over the banks of shared memory, free of conflicts: 128 bytes each, one for an access of less."""
        if self.never:
            return 0
        if self.kind in ("LDSM", "STSM"):
            return int(self.opcode.split(".")[-1])  # .M88.4: four matrices of 128 bytes
        if self.kind in ("LDS", "STS", "LDGSTS"):
            return max(self.lane_bytes() * LANES // 128, 1)
        return 0


def has_rare_copies(instructions):
    return any(one.kind == "LDGSTS" and RARE.intersection(one.files) for one in instructions)


@dataclasses.dataclass
class Block:
    instructions: list
    successors: list = dataclasses.field(default_factory=list)  # numbers of blocks

    def rare(self):
        return has_rare_copies(self.instructions)


@dataclasses.dataclass
class Loop:
    name: str  # "2.1": the first inside the second, of those with HMMA
    path: list  # of instructions, from the first on


def read_functions(lines):
    """{symbol: ([instructions], {label: index of the instruction behind it})}"""
    functions, name, files, fresh = {}, None, (), True
    for line in lines:
        if line.lstrip().startswith(".section\t"):
            match = SECTION.match(line)
            name = match[1] if match else None
            if name:
                functions[name] = ([], {})
            continue
        if name is None:
            continue
        match = INSTRUCTION.match(line)
        if match:
            address, guard, opcode, operands = match.groups()
            functions[name][0].append(Instruction(int(address, 16), guard or "", opcode, operands, files))
            fresh = True
            continue
        match = SOURCE.match(line)
        if match:
            files = (match[1],) if fresh else (*files, match[1])
            fresh = False
            continue
        match = LABEL.match(line)
        if match:
            functions[name][1][match[1]] = len(functions[name][0])
    return functions


def jump(instructions, index):
    """(label or None, whether the next instruction may follow) of an instruction."""
    one = instructions[index]
    target = TARGET.search(one.operands)
    label = target[1] if target else None
    if one.kind in ("EXIT", "RET", "KILL"):
        return None, one.conditional()
    if one.kind in ("BRX", "JMX", "JMP"):
        raise NotUnderstood(f"an indirect branch, {one.opcode} at {one.address:#x}")
    # A call of what has a label is a jump that never returns.
    if one.kind == "BRA" or (one.kind == "CALL" and label):
        if label is None:
            raise NotUnderstood(f"a branch without a label, {one.opcode} {one.operands} at {one.address:#x}")
        before = one.operands[: target.start()].strip()
        return label, one.conditional() or bool(before)
    if one.kind == "BSYNC":
        barrier = one.operands.split(",")[0].strip()
        for earlier in reversed(instructions[:index]):
            if earlier.kind == "BSSY" and earlier.operands.split(",")[0].strip() == barrier:
                return TARGET.search(earlier.operands)[1], one.conditional()
        raise NotUnderstood(f"BSYNC {barrier} without a BSSY at {one.address:#x}")
    return None, True


def blocks_of(instructions, labels):
    """Basic blocks in the order of their addresses; the first is the entry."""
    jumps = [jump(instructions, index) for index in range(len(instructions))]
    starts = {0}
    for index, (label, falls_through) in enumerate(jumps):
        if label is not None:
            if label not in labels:
                raise NotUnderstood(f"a jump to {label}, which is not in the function")
            starts.add(labels[label])
        if label is not None or not falls_through:
            starts.add(index + 1)
    starts = sorted(start for start in starts if start < len(instructions))
    number = {start: at for at, start in enumerate(starts)}
    blocks = []
    for start, end in zip(starts, [*starts[1:], len(instructions)]):
        block = Block(instructions[start:end])
        label, falls_through = jumps[end - 1]
        if falls_through and end in number:
            block.successors.append(number[end])
        if label is not None and labels[label] in number:
            block.successors.append(number[labels[label]])
        blocks.append(block)
    return blocks


def reverse_postorder(blocks):
    order, seen, stack = [], {0}, [(0, iter(blocks[0].successors))]
    while stack:
        node, following = stack[-1]
        step = next((one for one in following if one not in seen), None)
        if step is None:
            order.append(node)
            stack.pop()
        else:
            seen.add(step)
            stack.append((step, iter(blocks[step].successors)))
    return order[::-1]


def dominators(blocks, order):
    """{block: its immediate dominator}, after Cooper, Harvey and Kennedy."""
    place = {node: at for at, node in enumerate(order)}
    before = collections.defaultdict(list)
    for node in order:
        for successor in blocks[node].successors:
            before[successor].append(node)
    above, changed = {0: 0}, True

    def meet(a, b):
        while a != b:
            while place[a] > place[b]:
                a = above[a]
            while place[b] > place[a]:
                b = above[b]
        return a

    while changed:
        changed = False
        for node in order[1:]:
            known = [one for one in before[node] if one in above]
            new = known[0]
            for other in known[1:]:
                new = meet(new, other)
            if above.get(node) != new:
                above[node], changed = new, True
    return above, before


def dominates(above, a, b):
    while b != a and b != 0:
        b = above[b]
    return a == b


def natural_loops(blocks):
    """{first block: set of all blocks}, and the back edges."""
    order = reverse_postorder(blocks)
    above, before = dominators(blocks, order)
    loops, back = {}, set()
    for node in order:
        for head in blocks[node].successors:
            if not dominates(above, head, node):
                continue
            back.add((node, head))
            body, waiting = loops.setdefault(head, {head}), [node]
            while waiting:
                one = waiting.pop()
                if one not in body:
                    body.add(one)
                    waiting += before[one]
    return loops, back, order


def path_of(blocks, order, back, head, body, inner):
    """Instructions of the path. `inner`: bodies of the loops with HMMA inside."""

    def home(node):
        """The loop inside that a block belongs to, by its first block; else itself."""
        return next((min(one) for one in inner if node in one), node)

    def weight(node):
        if home(node) != node or any(node in one for one in inner):
            return NOTHING
        instructions = blocks[node].instructions
        return (
            sum(one.is_mma() for one in instructions),
            sum(one.kind == "LDSM" for one in instructions),
            sum(one.shared_bytes_written() for one in instructions),
            sum(one.global_bytes() for one in instructions),
            -len(instructions),
        )

    edges = collections.defaultdict(set)
    ends = set()
    for node in body:
        if blocks[node].rare():
            continue
        for successor in blocks[node].successors:
            if (node, successor) in back:
                if successor == head:
                    ends.add(home(node))
            elif successor in body and not blocks[successor].rare() and home(node) != home(successor):
                edges[home(node)].add(home(successor))
    best = {}  # block: (weight of the rest of the path, next block)
    place = {node: at for at, node in enumerate(order)}

    def visit(start):
        stack = [start]
        while stack:
            node = stack[-1]
            missing = [one for one in edges[node] if one not in best]
            if missing:
                if len(stack) > len(blocks):
                    raise NotUnderstood("a loop with two entries")
                stack += missing
                continue
            stack.pop()
            rests = [(NOTHING, None)] if node in ends else []
            rests += [(best[one][0], one) for one in sorted(edges[node], key=place.get) if best[one] is not None]
            if not rests:
                best[node] = None  # leaves the loop
                continue
            rest, step = max(rests, key=lambda one: one[0])
            best[node] = (tuple(map(sum, zip(rest, weight(node)))), step)

    visit(head)
    if best[head] is None:
        raise NotUnderstood(f"a loop without a path, at {blocks[head].instructions[0].address:#x}")
    path, node = [], head
    while node is not None:
        if not any(node in one for one in inner):
            path += blocks[node].instructions
        node = best[node][1]
    return path


def mma_loops(instructions, labels):
    """Loops that have HMMA of their own, outside the loops inside them."""
    if not instructions:
        return []
    blocks = blocks_of(instructions, labels)
    loops, back, order = natural_loops(blocks)
    with_mma = {
        head: body
        for head, body in loops.items()
        if any(one.is_mma() for node in body for one in blocks[node].instructions)
    }
    found = []

    def descend(heads, prefix):
        outermost = [
            head for head in heads if not any(head in with_mma[other] for other in heads if other != head)
        ]
        for number, head in enumerate(sorted(outermost), 1):
            name = f"{prefix}{number}"
            inside = [one for one in heads if one != head and one in with_mma[head]]
            inner = [
                with_mma[one]
                for one in inside
                if not any(one in with_mma[other] for other in inside if other != one)
            ]
            path = path_of(blocks, order, back, head, with_mma[head], inner)
            if any(one.is_mma() for one in path):
                found.append(Loop(name, path))
            descend(inside, name + ".")

    descend(list(with_mma), "")
    return found
