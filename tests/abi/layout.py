#!/usr/bin/env python3
"""Prints a C file that says how the public headers lay out their structs: tests/abi/layout.py HEADERS…

One _Static_assert for each member of each struct (offset, and type by way of _Generic), for each struct that
must keep its size, and for each enumerator; one declaration for each function. Compiled together with the headers
of a later build it fails where something has changed. Committed as layout-RELEASE-lp64.inc (record.sh)."""
import os
import re
import subprocess
import sys
import tempfile

# The core makes these and plugins see them through a pointer: they may grow at their end.
# The tables of functions may too, as the core reads what was added only from plugins that have it.
GROWING = {"thaw_encoder_info", "thaw_encoder_input", "thaw_states", "thaw_head_input", "thaw_schedule_scope",
           "thaw_tensor", "thaw_tokenizer", "thaw_encoder", "thaw_head", "thaw_schedule"}

text = "".join(open(name).read() for name in sys.argv[1:])
text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
text = re.sub(r"\\\n", " ", text)
defines = {m[1]: m[2] for m in re.finditer(r"^#define (THAW_[A-Z_]+) ([0-9]+u?)$", text, flags=re.M)}
text = re.sub(r"^#.*$", "", text, flags=re.M)


def members(body):
    """(name, type of a pointer to it) of every member; that of an unnamed struct or union is None."""
    body = re.sub(r"\bunion\s*\{[^}]*\}\s*(\w+)\s*;", r"UNION \1;", body)
    for declaration in filter(None, (" ".join(part.split()) for part in body.split(";"))):
        function = re.match(r"(.*?\()\*(\w+)(\).*)$", declaration)
        if function:
            yield function[2], f"{function[1]}**{function[3]}"
            continue
        first, *others = declaration.split(",")
        kind, stars, name = re.match(r"(.*?)([* ]+)(\w+(?:\[\w+\])*)$", first).groups()
        for declarator in [stars.strip() + name] + [other.strip() for other in others]:
            stars, name, length = re.match(r"(\**)(\w+)((?:\[\w+\])*)$", declarator).groups()
            pointer = "(*)" if length else "*"
            length = re.sub(r"THAW_\w+", lambda m: defines[m[0]], length)
            yield name, None if kind == "UNION" else f"{kind} {stars}{pointer}{length}"


def evaluate(expressions):
    """Their values, as the compiler has them."""
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/ask.c", "w") as source:
            prints = "".join(f'printf("%lld\\n", (long long)({e}));\n' for e in expressions)
            source.write(f"#include <stdio.h>\n#include <thaw/head.h>\n#include <thaw/recurrent.h>\n"
                         f"int main(void) {{\n{prints}}}\n")
        includes = [f"-I{os.path.dirname(os.path.dirname(name))}" for name in sys.argv[1:]]
        subprocess.run([os.environ.get("CC", "cc"), *includes, "-o", f"{folder}/ask", f"{folder}/ask.c"], check=True)
        return subprocess.run([f"{folder}/ask"], check=True, capture_output=True, text=True).stdout.split()


print("/* Made by tests/abi/record.sh: what plugins built for this release take for granted. Never edited. */")
print("#include <thaw/head.h>\n#include <thaw/recurrent.h>\n")
print('#define MOVED "raise THAW_PLUGIN_ABI, or put the new member at the end of a struct that may grow"')
print("#define MEMBER(type, member, offset, pointer) \\")
print("  _Static_assert(offsetof(type, member) == (offset), #type \".\" #member \" has moved: \" MOVED); \\")
print("  _Static_assert(_Generic(&((type *)0)->member, pointer: 1, default: 0), \\")
print("                 #type \".\" #member \" has another type: \" MOVED)")
print("#define PLACE(type, member, offset) \\")
print("  _Static_assert(offsetof(type, member) == (offset), #type \".\" #member \" has moved: \" MOVED)")
print("#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type \" has another size: \" MOVED)")
print("#define AT_LEAST(type, size) _Static_assert(sizeof(type) >= (size), #type \" has shrunk: \" MOVED)")
print("#define VALUE(name, value) _Static_assert((name) == (value), #name \" has another value: \" MOVED)\n")

rows = []
for name, value in defines.items():
    if name != "THAW_PLUGIN_ABI":
        rows.append(f"VALUE({name}, @{name}@);")
for enum in re.finditer(r"\benum\s*\w*\s*\{([^}]*)\}", text):
    for name in re.findall(r"(\w+)\s*=", enum[1]):
        rows.append(f"VALUE({name}, @(int){name}@);")
for name, body in re.findall(r"typedef struct (\w+) \{((?:[^{}]|\{[^{}]*\})*)\} \1;", text):
    size = "AT_LEAST" if name in GROWING else "SIZE"
    rows.append(f"{size}({name}, @sizeof({name})@);")
    for member, pointer in members(body):
        offset = f"@offsetof({name}, {member})@"
        row = f"MEMBER({name}, {member}, {offset}, {pointer});" if pointer else f"PLACE({name}, {member}, {offset});"
        rows.append(row)
for declaration in re.findall(r"(?:THAW_API|typedef void|typedef const)[^;{]*;", text):
    if declaration.startswith("THAW_API"):
        declaration = declaration.replace("THAW_API", "extern").replace("extern extern", "extern")
    rows.append(" ".join(declaration.split()))
whole = "\n".join(rows)
values = iter(evaluate(re.findall("@([^@]*)@", whole)))
print(re.sub("@[^@]*@", lambda _: next(values), whole))
