"""Adds up what the parts of scripts/test left in a folder and prints "N passed, N failed".

    count_results.py FOLDER STEPS-THAT-BROKE

Meson's JSON logs (a Check suite counts with each of its checks), pytest's JUnit files, and the logs of scripts/lint,
scripts/conformance and scripts/instructions."""
import glob
import json
import os
import re
import sys
import xml.etree.ElementTree

CHECK_SUMMARY = re.compile(r"\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)")


def of_meson(path):
    passed, failed, names = 0, 0, []
    with open(path, encoding="utf-8") as f:
        for line in f:
            test = json.loads(line)
            good = test["result"] in ("OK", "EXPECTEDFAIL", "SKIP")
            summaries = CHECK_SUMMARY.findall(test.get("stdout") or "")
            checks = sum(int(c) for c, _, _ in summaries)
            bad = sum(int(f) + int(e) for _, f, e in summaries)
            if test["result"] == "SKIP":
                continue
            if not good:
                bad = max(bad, 1)
                names.append(test["name"])
            passed += max(checks - bad, 0) if summaries else int(good)
            failed += bad
    return passed, failed, names


def of_junit(path):
    passed, failed, names = 0, 0, []
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            names.append(f'{case.get("classname")}::{case.get("name")}')
        elif case.find("skipped") is None:
            passed += 1
    return passed, failed, names


def of_lint(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    if os.path.basename(path) == "lint-self.log":
        bad = len(re.findall(r"^NOT FOUND", text, re.M))
        return len(re.findall(r"^ok", text, re.M)), bad, ["lint --self-test"] * bool(bad)
    m = re.search(r"^lint: (\d+) rules kept, (\d+) broken$", text, re.M)
    if not m:
        return 0, 1, ["lint"]
    return int(m.group(1)), int(m.group(2)), ["lint"] * bool(int(m.group(2)))


def of_last_line(path):
    with open(path, encoding="utf-8") as f:
        m = re.search(r"^(\d+) passed, (\d+) failed$", f.read(), re.M)
    passed, failed = (int(m.group(1)), int(m.group(2))) if m else (0, 1)
    return passed, failed, [os.path.basename(path)] * bool(failed)


def main(folder, broken):
    passed, failed = 0, int(broken)
    for path in sorted(glob.glob(os.path.join(folder, "*"))):
        if path.endswith(".json"):
            counts = of_meson(path)
        elif path.endswith(".xml"):
            counts = of_junit(path)
        elif re.search(r"lint(-self)?\.log$", path):
            counts = of_lint(path)
        elif re.search(r"(conformance|instructions)\.log$", path):
            counts = of_last_line(path)
        else:
            continue
        passed, failed = passed + counts[0], failed + counts[1]
        for name in counts[2]:
            print(f"failed: {os.path.splitext(os.path.basename(path))[0]}: {name}")
    if passed == 0 and failed == 0:
        failed = 1
        print("no test ran")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
