#!/usr/bin/python3
"""The benchmark runs and prints every row. How long things take is nobody's business here."""
import json
import subprocess
import sys
import unittest

PROGRAM = sys.argv.pop(1)
FEW = ("--rounds", "2", "--calls", "200")


def run(*arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=50)
    return done.returncode, done.stdout, done.stderr


class Bench(unittest.TestCase):
    def test_table_and_json_have_the_same_rows(self):
        code, table, err = run(*FEW)
        self.assertEqual((code, err), (0, ""))
        code, text, err = run("--json", *FEW)
        self.assertEqual((code, err), (0, ""))
        rows = json.loads(text)["rows"]
        self.assertGreater(len(rows), 15)
        self.assertEqual(len(rows), len(table.splitlines()) - 2)
        for row, line in zip(rows, table.splitlines()[2:]):
            self.assertEqual(line[:36].rstrip(), row["name"])
            self.assertTrue(row["ns_25"] <= row["ns"] <= row["ns_75"], row)

    def test_arguments_out_of_range_are_exit_2(self):
        for arguments in (("--rounds",), ("--rounds", "0"), ("--calls", "x"), ("--fast",)):
            self.assertEqual(run(*arguments)[0], 2, arguments)


if __name__ == "__main__":
    unittest.main()
