#!/usr/bin/env python
import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, PermissionError) as error:  # a setting or a folder: one line says what to do
        sys.exit(f"Tungsten cannot start: {error}")


if __name__ == "__main__":
    main()
