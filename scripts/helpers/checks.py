"""Types for argparse: each refuses a value before anything is done, with what is allowed; the program then ends with status 2."""
import argparse
import os


def whole(least, most):
    """A whole number between these two."""
    def check(text):
        try:
            number = int(text, 10)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text} is not allowed: a whole number from {least} to {most}")
        return number
    return check


def program(path):
    """A file that can be executed."""
    if not os.path.isfile(path) or not os.access(path, os.X_OK):
        raise argparse.ArgumentTypeError(f"{path} is not allowed: a program that can be executed")
    return path


def writable(path):
    """A file that can be written, there already or not."""
    folder = os.path.dirname(os.path.abspath(path))
    good = os.path.isfile(path) if os.path.exists(path) else os.path.isdir(folder)
    if not good or not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise argparse.ArgumentTypeError(f"{path} is not allowed: a file that can be written")
    return path


def folder(path):
    """A folder that can be written, or one that can be made: its nearest parent can be written."""
    at = os.path.abspath(path)
    while not os.path.lexists(at):
        at = os.path.dirname(at)
    if not os.path.isdir(at) or not os.access(at, os.W_OK):
        raise argparse.ArgumentTypeError(f"{path} is not allowed: a folder that can be written or made")
    return path
