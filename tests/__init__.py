"""Prepares Django before any test module is imported. Whatever a test writes goes to a temporary folder, never to ./data."""

import atexit
import os
import shutil
import tempfile

import django

if "STUDIO_DATA" not in os.environ:  # before the settings are read: they make keys in this folder
    os.environ["STUDIO_DATA"] = tempfile.mkdtemp(prefix="tungsten-tests-")
    atexit.register(shutil.rmtree, os.environ["STUDIO_DATA"], ignore_errors=True)
if "STUDIO_TEST_PREPARED" not in os.environ:  # for tests.stack; all processes of one run share it
    os.environ["STUDIO_TEST_PREPARED"] = tempfile.mkdtemp(prefix="tungsten-prepared-")
    atexit.register(shutil.rmtree, os.environ["STUDIO_TEST_PREPARED"], ignore_errors=True)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
django.setup()
