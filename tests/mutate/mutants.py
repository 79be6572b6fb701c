"""Makes the mutants of a C file: its own small lexer and a walk over the statements.

A mutant is one replaced stretch of the text. It is named `FILE | LINE | WHAT #N`: the text of the line it begins
in, what is done to it, and which of those with the same name it is in the file. So a name outlives lines that
come and go above it. Left alone: memory orders, static asserts, #include and #if, and string literals."""
import re

TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
      | (?P<directive>^[ \t]*\#[ \t]*(?!define)\w+(?:\\\n|[^\n])*)
      | (?P<define>^[ \t]*\#[ \t]*define[ \t]+\w+(?:\([^)\n]*\))?)
      | (?P<string>"(?:\\.|[^"\\])*")
      | (?P<char>'(?:\\.|[^'\\])+')
      | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
      | (?P<word>[A-Za-z_]\w*)
      | (?P<mark>->|\+\+|--|<<=|>>=|\.\.\.|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|\\\n|.)""",
    re.X | re.S | re.M)

OPERATORS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&",
             "+": "-", "-": "+", "+=": "-=", "-=": "+=", "++": "--", "--": "++",
             "true": "false", "false": "true"}
KEYWORDS = {"if", "while", "for", "switch", "return", "sizeof", "case", "do", "else", "goto"}
BEFORE_A_CONDITION = {"(", "[", "{", ",", ";", "=", "return", "?", ":", "+=", "-=", "|="}
OPEN, CLOSE = {"(": ")", "[": "]", "{": "}"}, {")", "]", "}"}


class Token:
    def __init__(self, kind, text, start):
        self.kind, self.text, self.start, self.end = kind, text, start, start + len(text)
        self.mate = None  # of a bracket: the index of the other one


class Mutant:
    def __init__(self, file, start, end, new, what):
        self.file, self.start, self.end, self.new, self.what = file, start, end, new, what
        self.name, self.line = "", 0

    def apply(self, text):
        return text[: self.start] + self.new + text[self.end :]


def lex(text):
    text = re.sub(r"^#ifdef __cplusplus.*?^#endif", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S | re.M)
    tokens = [Token(m.lastgroup, m[0], m.start()) for m in TOKEN.finditer(text)]
    tokens = [t for t in tokens if t.kind not in ("space", "directive") and t.text != "\\\n"]
    stack = []
    for i, token in enumerate(tokens):
        if token.kind == "mark" and token.text in OPEN:
            stack.append(i)
        elif token.kind == "mark" and token.text in CLOSE:
            tokens[i].mate = stack.pop()
            tokens[tokens[i].mate].mate = i
    return tokens


def one_line(text):
    return " ".join(text.split())


class Maker:
    """All mutants of one file. Positions `at` and `end` are indices of tokens; `end` is not included."""

    def __init__(self, file, text):
        self.file, self.text, self.tokens = file, text, lex(text)
        self.found, self.blocks = [], set()

    def is_(self, at, *texts):
        return 0 <= at < len(self.tokens) and self.tokens[at].text in texts

    def span(self, at, end):
        return self.text[self.tokens[at].start : self.tokens[end - 1].end] if at < end else ""

    def add(self, at, end, new, what):
        start, stop = self.tokens[at].start, self.tokens[end - 1].end
        self.found.append(Mutant(self.file, start, stop, new, what))

    def over(self, at):
        """The token behind this one, or behind the bracket that opens here."""
        mate = self.tokens[at].mate
        return (mate if mate is not None and mate > at else at) + 1

    def split(self, at, end, mark):
        """The stretches between top-level `mark`s."""
        parts, begin = [], at
        while at < end:
            if self.tokens[at].text == mark:
                parts.append((begin, at))
                begin = at + 1
            at = self.over(at)
        return parts + [(begin, end)] if begin < end else parts

    def find(self, at, end, *marks):
        while at < end and not self.is_(at, *marks):
            at = self.over(at)
        return at

    # What is done to a stretch.

    def negate(self, at, end):
        if at >= end:
            return
        tops, i = [], at
        while i < end:
            tops.append(self.tokens[i].text)
            i = self.over(i)
        is_compared = "==" in tops or "!=" in tops
        if is_compared and not {"&&", "||", "?"} & set(tops):
            return  # the operator is turned round anyway
        text = self.span(at, end)
        if tops[0] == "!" and not {"&&", "||", "?", "<", ">", "<=", ">=", "=="} & set(tops):
            self.add(at, end, self.span(at + 1, end), f"negate {one_line(text)}")
        else:
            self.add(at, end, f"!({text})", f"negate {one_line(text)}")

    def swap(self, first, second):
        a, b = self.span(*first), self.span(*second)
        if a == b or "memory_order" in a + b or "" in (a, b):
            return
        middle = self.text[self.tokens[first[1] - 1].end : self.tokens[second[0]].start]
        self.add(first[0], second[1], b + middle + a, f"swap {one_line(a)} and {one_line(b)}")

    def swap_neighbours(self, parts):
        for first, second in zip(parts, parts[1:]):
            self.swap(first, second)

    # Tokens, wherever they stand.

    def number(self, at):
        text = self.tokens[at].text
        if re.search(r"[.eEpP]", text) and not text.lower().startswith("0x"):
            return
        digits = re.match(r"0[xX][0-9a-fA-F]+|\d+", text)[0]
        for step in (1, -1):
            value = int(digits, 0) + step
            new = f"{value:#x}" if digits[:2] in ("0x", "0X") and value >= 0 else str(value)
            new += text[len(digits) :]
            self.add(at, at + 1, f"({new})" if value < 0 and not self.is_(at - 1, "(") else new,
                     f"{text} to {new}")

    def is_binary(self, at):
        before = self.tokens[at - 1]
        return before.kind in ("number", "char") or before.text in (")", "]") or (
            before.kind == "word" and before.text not in KEYWORDS)

    def each_token(self):
        at = 0
        while at < len(self.tokens):
            token = self.tokens[at]
            if token.text == "_Static_assert":
                at = self.over(at + 1)
                continue
            if token.kind == "number":
                self.number(at)
            elif token.kind == "char":
                for step in ("+", "-"):
                    self.add(at, at + 1, f"({token.text} {step} 1)", f"{token.text} {step} 1")
            elif token.text in OPERATORS and (token.text not in "+-" or self.is_binary(at)):
                new = OPERATORS[token.text]
                self.add(at, at + 1, new, f"{token.text} to {new}")
            elif token.text == "?":
                self.negate(self.condition_start(at), at)
            elif token.text == "(" and self.tokens[at - 1].kind in ("word", "define"):
                self.arguments(at)
            elif token.text == "{" and at not in self.blocks:
                self.initializer(at)
            at += 1

    def condition_start(self, at):
        """Where the condition before a `?` begins."""
        while at > 0:
            before = self.tokens[at - 1]
            if before.mate is not None and before.mate < at - 1:
                at = before.mate
            elif before.kind == "define" or before.text in BEFORE_A_CONDITION:
                return at
            else:
                at -= 1
        return at

    def arguments(self, at):
        name, end = self.tokens[at - 1], self.tokens[at].mate
        is_call = name.text not in KEYWORDS and not self.is_(at - 2, "struct", "enum") and self.depth(at) > 0
        if is_call and self.tokens[at - 1].kind == "word":
            self.swap_neighbours(self.split(at + 1, end, ","))

    def depth(self, at):
        """How many braces are open; a #define's text counts as one."""
        return self.depths[at]

    def initializer(self, at):
        if not (self.is_(at - 1, "=", ")", ",", "{", "]")):
            return  # enum, struct
        fields, plain = [], []
        for begin, end in self.split(at + 1, self.tokens[at].mate, ","):
            equals = self.find(begin, end, "=")
            if self.is_(begin, ".", "[") and equals < end:
                fields.append((equals + 1, end))
            else:
                plain.append((begin, end))
        self.swap_neighbours(fields)
        self.swap_neighbours(plain)

    # Statements.

    def functions(self):
        at, depth, in_define, self.depths = 0, 0, None, []
        for token in self.tokens:
            line_end = self.text.find("\n", token.start)
            if token.kind == "define":
                while line_end > 0 and self.text[line_end - 1] == "\\":
                    line_end = self.text.find("\n", line_end + 1)
                in_define = line_end if line_end >= 0 else len(self.text)
            if in_define is not None and token.start > in_define:
                in_define = None
            depth -= token.text == "}"
            self.depths.append(depth + (in_define is not None))
            depth += token.text == "{"
        begin = 0
        while at < len(self.tokens):
            if self.is_(at, "{") and self.is_(at - 1, ")"):
                self.function(begin, at)
            ends_here = self.is_(at, ";", "{") or self.tokens[at].kind == "define"
            at = self.over(at)
            begin = at if ends_here else begin

    def function(self, begin, at):
        name = self.tokens[at - 1].mate - 1
        self.is_bool = any(self.is_(i, "bool") for i in range(begin, name)) and not any(
            self.is_(i, "*") for i in range(begin, name))
        self.block(at)

    def block(self, at):
        self.blocks.add(at)
        end, at = self.tokens[at].mate, at + 1
        assigned = None
        while at < end:
            after = self.statement(at)
            equals = self.find(at, after, "=")
            is_assignment = equals < after - 1 and self.is_(after - 1, ";") and self.is_left(at, equals)
            if is_assignment and assigned:
                self.swap(assigned, (equals + 1, after - 1))
            assigned = (equals + 1, after - 1) if is_assignment else None
            at = after
        return end + 1

    def is_left(self, at, equals):
        """Is this what is assigned to, and not a declaration?"""
        words = 0
        while at < equals:
            words += self.tokens[at].kind == "word" and not self.is_(at - 1, ".", "->")
            at = self.over(at)
        return words <= 1

    def statement(self, at):
        """Mutates one statement; returns what follows it."""
        text = self.tokens[at].text
        if text == "{":
            return self.block(at)
        if text in ("if", "while", "switch"):
            end = self.over(at + 1)
            if text != "switch":
                self.negate(at + 2, end - 1)
            return self.behind(end)
        if text == "for":
            end = self.over(at + 1)
            head = self.find(at + 2, end, ";")
            self.negate(head + 1, self.find(head + 1, end, ";"))
            return self.behind(end)
        if text == "do":
            return self.statement(self.statement(at + 1))
        if text in ("case", "default"):
            return self.statement(self.find(at, len(self.tokens), ":") + 1)
        end = self.find(at, len(self.tokens), ";")
        if text == ";":
            return at + 1
        self.simple(at, end)
        return end + 1

    def behind(self, at):
        after = self.statement(at)
        return self.statement(after + 1) if self.is_(after, "else") else after

    def simple(self, at, end):
        text = one_line(self.span(at, end))
        if self.is_(at, "return") and self.is_bool:
            self.negate(at + 1, end)
        if self.is_(at, "bool") or self.is_(at + 1, "bool"):
            equals = self.find(at, end, "=")
            self.negate(equals + 1, end)
        self.add(at, end, "", f"drop {text}")


def all_mutants(file, text):
    """The mutants of a file in the order of its text, each with name and line."""
    maker = Maker(file, text)
    maker.functions()
    maker.each_token()
    seen, counts, mutants = set(), {}, []
    for mutant in sorted(maker.found, key=lambda m: (m.start, m.end, m.what)):
        key = mutant.apply(text)
        if key in seen or key == text:
            continue
        seen.add(key)
        mutant.line = text.count("\n", 0, mutant.start) + 1
        name = f"{file} | {text.splitlines()[mutant.line - 1].strip()} | {mutant.what}"
        counts[name] = counts.get(name, 0) + 1
        mutant.name = f"{name} #{counts[name]}"
        mutants.append(mutant)
    return mutants
