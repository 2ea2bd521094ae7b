"""Print the JSON Schema of programme files, for editors that complete and check while one types.

`tessera programme check` remains the judge: it knows what refers to what.
"""

import argparse

EXAMPLES = """\
examples:
  tessera programme schema > programme.schema.json
  tessera programme schema --part > part.schema.json

An editor with a YAML language server reads it from a first line like this:
  # yaml-language-server: $schema=programme.schema.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--part",
        action="store_true",
        help="the schema of a further file in a programme's folder, beside programme.yaml",
    )
    parser.add_argument("--compact", action="store_true", help="print it on one line")


def run(arguments: argparse.Namespace) -> int:
    """Print the schema."""
    import json

    from tessera.rules.schema import part_schema, programme_schema

    indent = None if arguments.compact else 2
    schema = part_schema() if arguments.part else programme_schema()
    print(json.dumps(schema, indent=indent, ensure_ascii=False))
    return 0
